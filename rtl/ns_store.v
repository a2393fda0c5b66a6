// ns_store: the flip-flops of one weight tensor, selectively triplicated, with voted reads.
//
// Bank A holds every bit. Banks B and C hold the bits whose MASK is 1 and exist only if there are
// any. The three are written together through the configuration port. A read picks row_i
// (PER_READ words) in each bank and votes it; read_i says that the row is used, and a disagreement
// in a row that is used sets tmr_error_o until tmr_clear_i.
//
// Latency     read 0, write 1, tmr_error_o 1 cycle. An error beats a clear in the same cycle.
// Fault sites u_bank_a.mem_q, gen_tmr.u_bank_b.mem_q, gen_tmr.u_bank_c.mem_q.
module ns_store #(
    parameter WORDS = 16,                                // words
    parameter WIDTH = 24,                                // bits of a word
    parameter PER_READ = 1,                              // words read together; divides WORDS
    parameter [WORDS*WIDTH-1:0] MASK = {WORDS{{WIDTH{1'b0}}}},  // protected bits; word w is MASK[w*WIDTH +: WIDTH]
    parameter [31:0] CFG_BASE = 32'h0,                   // see ns_config
    parameter WORD_W = 4,                                // bits of a word number
    parameter LANE_W = 1,                                // bits of a lane number
    parameter ROW_W = 4                                  // bits of a row number
) (
    input  wire                      aclk,
    input  wire                      aresetn,
    input  wire                      cfg_we_i,
    input  wire [              31:0] cfg_addr_i,
    input  wire [              31:0] cfg_data_i,
    input  wire                      read_i,
    input  wire [         ROW_W-1:0] row_i,
    output wire [PER_READ*WIDTH-1:0] data_o,
    input  wire                      tmr_clear_i,
    output wire                      tmr_error_o
);

  localparam ROWS = WORDS / PER_READ;
  localparam READ_W = PER_READ * WIDTH;
  localparam UNIFORM = (MASK == {ROWS{MASK[READ_W-1:0]}});  // every row has the same mask

  // Columns that are protected in every row (every = 1) or in some row (every = 0).
  function [READ_W-1:0] columns;
    input every;
    integer r;
    begin
      columns = MASK[READ_W-1:0];
      for (r = 1; r < ROWS; r = r + 1) begin
        if (every) columns = columns & MASK[r*READ_W+:READ_W];
        else columns = columns | MASK[r*READ_W+:READ_W];
      end
    end
  endfunction

  wire              we;
  wire [WORD_W-1:0] word;
  wire [LANE_W-1:0] lane;
  wire [READ_W-1:0] a;

  ns_config #(
      .BASE  (CFG_BASE),
      .WORD_W(WORD_W),
      .LANE_W(LANE_W)
  ) u_config (
      .cfg_we_i  (cfg_we_i),
      .cfg_addr_i(cfg_addr_i),
      .we_o      (we),
      .word_o    (word),
      .lane_o    (lane)
  );

  ns_bank #(
      .WORDS   (WORDS),
      .WIDTH   (WIDTH),
      .PER_READ(PER_READ),
      .WORD_W  (WORD_W),
      .LANE_W  (LANE_W),
      .ROW_W   (ROW_W)
  ) u_bank_a (
      .aclk  (aclk),
      .we_i  (we),
      .word_i(word),
      .lane_i(lane),
      .data_i(cfg_data_i),
      .row_i (row_i),
      .data_o(a)
  );

  generate
    if (|MASK) begin : gen_tmr
      wire [READ_W-1:0] b, c;
      wire              disagree;
      wire [READ_W-1:0] mask;
      reg               error_q;

      ns_bank #(
          .WORDS   (WORDS),
          .WIDTH   (WIDTH),
          .PER_READ(PER_READ),
          .MASK    (MASK),
          .WORD_W  (WORD_W),
          .LANE_W  (LANE_W),
          .ROW_W   (ROW_W)
      ) u_bank_b (
          .aclk  (aclk),
          .we_i  (we),
          .word_i(word),
          .lane_i(lane),
          .data_i(cfg_data_i),
          .row_i (row_i),
          .data_o(b)
      );

      ns_bank #(
          .WORDS   (WORDS),
          .WIDTH   (WIDTH),
          .PER_READ(PER_READ),
          .MASK    (MASK),
          .WORD_W  (WORD_W),
          .LANE_W  (LANE_W),
          .ROW_W   (ROW_W)
      ) u_bank_c (
          .aclk  (aclk),
          .we_i  (we),
          .word_i(word),
          .lane_i(lane),
          .data_i(cfg_data_i),
          .row_i (row_i),
          .data_o(c)
      );

      if (UNIFORM) begin : gen_constant_mask
        assign mask = MASK[READ_W-1:0];
      end else begin : gen_looked_up_mask
        // Columns that no row or every row protects are constant; their voters fold.
        localparam [READ_W-1:0] SOME = columns(1'b0);
        localparam [READ_W-1:0] EVERY = columns(1'b1);
        wire [READ_W-1:0] looked_up;

        ns_mask #(
            .ROWS (ROWS),
            .WIDTH(READ_W),
            .MASK (MASK),
            .ROW_W(ROW_W)
        ) u_mask (
            .row_i (row_i),
            .mask_o(looked_up)
        );

        assign mask = (looked_up & SOME) | EVERY;
      end

      ns_voter #(
          .WIDTH(READ_W)
      ) u_voter (
          .inA   (a),
          .inB   (b),
          .inC   (c),
          .mask  (mask),
          .out   (data_o),
          .tmrErr(disagree)
      );

      always @(posedge aclk) begin
        if (!aresetn) error_q <= 1'b0;
        else error_q <= (error_q && !tmr_clear_i) || (read_i && disagree);
      end

      assign tmr_error_o = error_q;
    end else begin : gen_plain
      wire unused_ok = &{1'b0, aresetn, read_i, tmr_clear_i, 1'b0};

      assign data_o      = a;
      assign tmr_error_o = 1'b0;
    end
  endgenerate

endmodule
