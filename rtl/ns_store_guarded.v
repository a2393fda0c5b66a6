// ns_store_guarded: the flip-flops of one weight tensor under any schemes, with checked reads and a scrubber.
//
// Bank A holds every bit; B second copies (tmr, dmr), C third copies (tmr), K check bits (parity, secded).
// Configuration lanes below LANES go to A, B and C together, those from LANES on to K: whoever loads the
// store computes the check bits, so that a code word is whole from its source to its reader.
//
// A read picks row_i (PER_READ words) and checks it (ns_guard); read_i says that the row is used, and an
// error in a row that is used sets tmr_error_o until tmr_clear_i.
//
// With PERIOD > 0 a scrubber refreshes a word every PERIOD cycles: bits under TMR_SCRUB get their voted value
// in all three banks, code words their corrected value if CODE_SCRUB; an error that it meets sets tmr_error_o
// too. It waits while the store is written, from the first lane to the last lane of the last word, which
// must therefore be written last: a code word that is half loaded must not be corrected.
//
// Latency     read 0, write 1, tmr_error_o 1 cycle. An error beats a clear in the same cycle.
// Fault sites u_bank_a.mem_q, gen_b.u_bank_b.mem_q, gen_c.u_bank_c.mem_q, gen_k.u_bank_k.mem_q.
module ns_store_guarded #(
    parameter WORDS = 16,                                // words
    parameter WIDTH = 24,                                // bits of a word
    parameter PER_READ = 1,                              // words read together; divides WORDS
    parameter ELEMENT = 6,                               // bits of an element
    parameter ROW = 24,                                  // bits of a row of code words
    parameter TMR = 0,                                   // whether some bit has replicas,
    parameter DMR = 0,                                   //   a copy,
    parameter PARITY = 0,                                //   a parity bit
    parameter CODE = 0,                                  // data bits of a code word; 0: none
    parameter CHECKS = 1,                                // check bits of a code word
    parameter CODE_SCRUB = 0,                            // code words are refreshed
    parameter PERIOD = 0,                                // cycles from refresh to refresh; 0: no scrubber
    parameter CHECK_W = 1,                               // check bits of a word; 1 where there are none
    // Which bits are under which scheme; word w is [w*WIDTH +: WIDTH].
    parameter [WORDS*WIDTH-1:0] TMR_MASK = {WORDS{{WIDTH{1'b0}}}},
    parameter [WORDS*WIDTH-1:0] TMR_SCRUB = {WORDS{{WIDTH{1'b0}}}},
    parameter [WORDS*WIDTH-1:0] DMR_MASK = {WORDS{{WIDTH{1'b0}}}},
    parameter [WORDS*WIDTH-1:0] PARITY_MASK = {WORDS{{WIDTH{1'b0}}}},
    parameter [WORDS*WIDTH-1:0] CODE_MASK = {WORDS{{WIDTH{1'b0}}}},
    parameter [WORDS*CHECK_W-1:0] CHECK_MASK = {WORDS{{CHECK_W{1'b0}}}},  // check bits that exist
    parameter [31:0] CFG_BASE = 32'h0,                   // see ns_config
    parameter LANES = 1,                                 // lanes of data, and
    parameter CHECK_LANES = 1,                           //   lanes of check bits behind them, of each word
    parameter WORD_W = 4,                                // bits of a word number
    parameter LANE_W = 1,                                // bits of a lane number
    parameter ROW_W = 4,                                 // bits of a row number
    parameter COUNT_W = 1                                // bits of a number below PERIOD
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
  localparam SCRUB = (PERIOD != 0);
  localparam HAS_K = (PARITY != 0 || CODE != 0);
  localparam LAST_WORD = WORDS - 1;
  localparam LAST_LANE = LANES + CHECK_LANES - 1;

  wire                        we;
  wire [          WORD_W-1:0] word;
  wire [          LANE_W-1:0] lane;
  wire [          READ_W-1:0] a, b, c;
  wire [PER_READ*CHECK_W-1:0] k, unused_check;
  wire [          READ_W-1:0] tmr, dmr, par, sec;
  wire                        read_error;
  wire                        tick, scrub_error;         // a word is refreshed in this cycle; it has an error
  wire [          WORD_W-1:0] turn;                      // which word it is,
  wire [           WIDTH-1:0] turn_a, turn_b, turn_c;    //   what the banks hold of it,
  wire [         CHECK_W-1:0] turn_k;
  wire [           WIDTH-1:0] new_a, new_b, new_c;       //   and will hold
  wire [         CHECK_W-1:0] new_k;
  reg                         error_q;

  assign tmr_error_o = error_q;

  always @(posedge aclk) begin
    if (!aresetn) error_q <= 1'b0;
    else error_q <= (error_q && !tmr_clear_i) || (read_i && read_error) || (tick && scrub_error);
  end

  wire unused_ok = &{1'b0, unused_check, 1'b0};

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

  ns_bank_scrub #(
      .WORDS   (WORDS),
      .WIDTH   (WIDTH),
      .PER_READ(PER_READ),
      .SCRUB   (SCRUB),
      .WORD_W  (WORD_W),
      .LANE_W  (LANE_W),
      .ROW_W   (ROW_W)
  ) u_bank_a (
      .aclk        (aclk),
      .we_i        (we),
      .word_i      (word),
      .lane_i      (lane),
      .data_i      (cfg_data_i),
      .row_i       (row_i),
      .data_o      (a),
      .scrub_we_i  (tick),
      .scrub_word_i(turn),
      .scrub_data_i(new_a),
      .scrub_data_o(turn_a)
  );

  generate
    if (TMR != 0 || DMR != 0) begin : gen_b
      ns_bank_scrub #(
          .WORDS   (WORDS),
          .WIDTH   (WIDTH),
          .PER_READ(PER_READ),
          .MASK    (TMR_MASK | DMR_MASK),
          .SCRUB   (SCRUB),
          .WORD_W  (WORD_W),
          .LANE_W  (LANE_W),
          .ROW_W   (ROW_W)
      ) u_bank_b (
          .aclk        (aclk),
          .we_i        (we),
          .word_i      (word),
          .lane_i      (lane),
          .data_i      (cfg_data_i),
          .row_i       (row_i),
          .data_o      (b),
          .scrub_we_i  (tick),
          .scrub_word_i(turn),
          .scrub_data_i(new_b),
          .scrub_data_o(turn_b)
      );
    end else begin : gen_no_b
      wire unused_b_ok = &{1'b0, new_b, 1'b0};

      assign b      = {READ_W{1'b0}};
      assign turn_b = {WIDTH{1'b0}};
    end

    if (TMR != 0) begin : gen_c
      ns_bank_scrub #(
          .WORDS   (WORDS),
          .WIDTH   (WIDTH),
          .PER_READ(PER_READ),
          .MASK    (TMR_MASK),
          .SCRUB   (SCRUB),
          .WORD_W  (WORD_W),
          .LANE_W  (LANE_W),
          .ROW_W   (ROW_W)
      ) u_bank_c (
          .aclk        (aclk),
          .we_i        (we),
          .word_i      (word),
          .lane_i      (lane),
          .data_i      (cfg_data_i),
          .row_i       (row_i),
          .data_o      (c),
          .scrub_we_i  (tick),
          .scrub_word_i(turn),
          .scrub_data_i(new_c),
          .scrub_data_o(turn_c)
      );
    end else begin : gen_no_c
      wire unused_c_ok = &{1'b0, new_c, 1'b0};

      assign c      = {READ_W{1'b0}};
      assign turn_c = {WIDTH{1'b0}};
    end

    if (HAS_K != 0) begin : gen_k
      wire [LANE_W-1:0] check_lane = lane - LANES[LANE_W-1:0];
      wire              is_check = {{32 - LANE_W{1'b0}}, lane} >= LANES;

      ns_bank_scrub #(
          .WORDS   (WORDS),
          .WIDTH   (CHECK_W),
          .PER_READ(PER_READ),
          .MASK    (CHECK_MASK),
          .SCRUB   (SCRUB),
          .WORD_W  (WORD_W),
          .LANE_W  (LANE_W),
          .ROW_W   (ROW_W)
      ) u_bank_k (
          .aclk        (aclk),
          .we_i        (we && is_check),
          .word_i      (word),
          .lane_i      (check_lane),
          .data_i      (cfg_data_i),
          .row_i       (row_i),
          .data_o      (k),
          .scrub_we_i  (tick),
          .scrub_word_i(turn),
          .scrub_data_i(new_k),
          .scrub_data_o(turn_k)
      );
    end else begin : gen_no_k
      wire unused_k_ok = &{1'b0, new_k, 1'b0};

      assign k      = {PER_READ * CHECK_W{1'b0}};
      assign turn_k = {CHECK_W{1'b0}};
    end
  endgenerate

  // What is read.
  ns_row_mask #(.ROWS(ROWS), .WIDTH(READ_W), .MASK(TMR_MASK), .ROW_W(ROW_W)) u_tmr_mask (
      .row_i(row_i), .mask_o(tmr)
  );
  ns_row_mask #(.ROWS(ROWS), .WIDTH(READ_W), .MASK(DMR_MASK), .ROW_W(ROW_W)) u_dmr_mask (
      .row_i(row_i), .mask_o(dmr)
  );
  ns_row_mask #(.ROWS(ROWS), .WIDTH(READ_W), .MASK(PARITY_MASK), .ROW_W(ROW_W)) u_parity_mask (
      .row_i(row_i), .mask_o(par)
  );
  ns_row_mask #(.ROWS(ROWS), .WIDTH(READ_W), .MASK(CODE_MASK), .ROW_W(ROW_W)) u_code_mask (
      .row_i(row_i), .mask_o(sec)
  );

  ns_guard #(
      .N      (PER_READ),
      .WIDTH  (WIDTH),
      .ELEMENT(ELEMENT),
      .ROW    (ROW),
      .TMR    (TMR),
      .DMR    (DMR),
      .PARITY (PARITY),
      .CODE   (CODE),
      .CHECKS (CHECKS),
      .CHECK_W(CHECK_W)
  ) u_guard (
      .a_i    (a),
      .b_i    (b),
      .c_i    (c),
      .k_i    (k),
      .tmr_i  (tmr),
      .dmr_i  (dmr),
      .par_i  (par),
      .sec_i  (sec),
      .data_o (data_o),
      .check_o(unused_check),
      .error_o(read_error)
  );

  generate
    if (SCRUB != 0) begin : gen_scrub
      wire [WIDTH-1:0] voted, code, right;               // bits that are refreshed; what they become
      reg              loading_q;                        // the store is being written

      wire last = word == LAST_WORD[WORD_W-1:0] && lane == LAST_LANE[LANE_W-1:0];

      always @(posedge aclk) begin
        if (!aresetn) loading_q <= 1'b0;
        else if (we) loading_q <= !last;
      end

      ns_scrub #(
          .WORDS  (WORDS),
          .PERIOD (PERIOD),
          .WORD_W (WORD_W),
          .COUNT_W(COUNT_W)
      ) u_scrub (
          .aclk   (aclk),
          .aresetn(aresetn),
          .hold_i (we || loading_q),
          .tick_o (tick),
          .word_o (turn)
      );

      ns_row_mask #(.ROWS(WORDS), .WIDTH(WIDTH), .MASK(TMR_SCRUB), .ROW_W(WORD_W)) u_voted_mask (
          .row_i(turn), .mask_o(voted)
      );
      ns_row_mask #(.ROWS(WORDS), .WIDTH(WIDTH), .MASK(CODE_MASK), .ROW_W(WORD_W)) u_code_mask (
          .row_i(turn), .mask_o(code)
      );

      ns_guard #(
          .N      (1),
          .WIDTH  (WIDTH),
          .ELEMENT(ELEMENT),
          .ROW    (ROW),
          .TMR    (|TMR_SCRUB),
          .PARITY (0),
          .CODE   ((CODE_SCRUB != 0) ? CODE : 0),
          .FIRST  ((PARITY != 0) ? WIDTH / ELEMENT : 0),
          .CHECKS (CHECKS),
          .CHECK_W(CHECK_W)
      ) u_guard (
          .a_i    (turn_a),
          .b_i    (turn_b),
          .c_i    (turn_c),
          .k_i    (turn_k),
          .tmr_i  (voted),
          .dmr_i  ({WIDTH{1'b0}}),
          .par_i  ({WIDTH{1'b0}}),
          .sec_i  (code),
          .data_o (right),
          .check_o(new_k),
          .error_o(scrub_error)
      );

      assign new_a = right;
      assign new_b = (right & voted) | (turn_b & ~voted);
      assign new_c = (right & voted) | (turn_c & ~voted);
    end else begin : gen_no_scrub
      wire unused_scrub_ok = &{1'b0, turn_a, turn_b, turn_c, turn_k, 1'b0};

      assign tick        = 1'b0;
      assign turn        = {WORD_W{1'b0}};
      assign scrub_error = 1'b0;
      assign new_a       = {WIDTH{1'b0}};
      assign new_b       = {WIDTH{1'b0}};
      assign new_c       = {WIDTH{1'b0}};
      assign new_k       = {CHECK_W{1'b0}};
    end
  endgenerate

endmodule
