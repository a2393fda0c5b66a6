// ns_bank_scrub: a bank like ns_bank with a second port that reads and replaces one whole word.
//
// The second port is the scrubber's (ns_scrub): scrub_data_o is word scrub_word_i, and while scrub_we_i
// is high that word becomes scrub_data_i at the clock edge. A configuration write in the same cycle comes
// first; the store does not raise scrub_we_i then. With SCRUB = 0 the port does not exist.
//
// Latency     both reads 0, both writes 1 cycle; no reset.
// Hierarchy   keep_hierarchy, for the reason given in ns_bank.
// Fault site  mem_q[word][bit].
(* keep_hierarchy *)
module ns_bank_scrub #(
    parameter WORDS = 16,                                // words
    parameter WIDTH = 24,                                // bits of a word
    parameter PER_READ = 1,                              // words read together; divides WORDS
    parameter [WORDS*WIDTH-1:0] MASK = {WORDS{{WIDTH{1'b1}}}},  // word w is MASK[w*WIDTH +: WIDTH]
    parameter SCRUB = 1,                                 // the second port exists
    parameter WORD_W = 4,                                // bits of a word number
    parameter LANE_W = 1,                                // bits of a lane number
    parameter ROW_W = 4                                  // bits of a row number
) (
    input  wire                      aclk,
    input  wire                      we_i,
    input  wire [        WORD_W-1:0] word_i,
    input  wire [        LANE_W-1:0] lane_i,
    input  wire [              31:0] data_i,
    input  wire [         ROW_W-1:0] row_i,
    output reg  [PER_READ*WIDTH-1:0] data_o,
    input  wire                      scrub_we_i,
    input  wire [        WORD_W-1:0] scrub_word_i,
    input  wire [         WIDTH-1:0] scrub_data_i,
    output wire [         WIDTH-1:0] scrub_data_o
);

  localparam FULL = WIDTH / 32;                          // lanes of 32 bits
  localparam REST = WIDTH - 32 * FULL;                   // bits of the last, shorter lane
  localparam HEAD = (FULL == 0) ? 1 : 32;                // a width that is legal where no lane is full
  localparam TAIL = (REST == 0) ? 1 : REST;              // and where no lane is short

  wire unused_ok = &{1'b0, data_i, scrub_we_i, scrub_word_i, scrub_data_i, 1'b0};

  (* ram_style = "logic" *)
  reg [WIDTH-1:0] mem_q [0:WORDS-1];

  wire [WORDS*WIDTH-1:0] mask = MASK;                    // built once; a parameter at every use (Icarus)

  wire [31:0] word = {{32 - WORD_W{1'b0}}, word_i};
  wire [31:0] scrub_word = {{32 - WORD_W{1'b0}}, scrub_word_i};

  integer g, w, l, k;

  // Loops, and not unrolled, as in ns_bank.
  always @(posedge aclk) begin
    if (we_i) begin
      /*verilator unroll_disable*/ for (g = 0; g < WORDS; g = g + 32) begin
        if (word[31:5] == g[31:5]) begin
          /*verilator unroll_disable*/ for (w = g; w < g + 32 && w < WORDS; w = w + 1) begin
            if (word == w) begin
              /*verilator unroll_disable*/ for (l = 0; l < FULL; l = l + 1) begin
                if (lane_i == l[LANE_W-1:0])
                  mem_q[w][l*32+:HEAD] <= data_i[HEAD-1:0] & mask[w*WIDTH+l*32+:HEAD];
              end
              if (REST != 0 && lane_i == FULL[LANE_W-1:0])
                mem_q[w][WIDTH-1-:TAIL] <= data_i[TAIL-1:0] & mask[w*WIDTH+WIDTH-1-:TAIL];
            end
          end
        end
      end
    end else if (SCRUB != 0 && scrub_we_i) begin
      /*verilator unroll_disable*/ for (g = 0; g < WORDS; g = g + 32) begin
        if (scrub_word[31:5] == g[31:5]) begin
          /*verilator unroll_disable*/ for (w = g; w < g + 32 && w < WORDS; w = w + 1) begin
            if (scrub_word == w) mem_q[w] <= scrub_data_i & mask[w*WIDTH+:WIDTH];
          end
        end
      end
    end
  end

  always @* begin
    for (k = 0; k < PER_READ; k = k + 1) begin
      data_o[k*WIDTH+:WIDTH] = mem_q[row_i*PER_READ+k];
    end
  end

  generate
    if (SCRUB != 0) begin : gen_port
      assign scrub_data_o = mem_q[scrub_word_i];
    end else begin : gen_no_port
      assign scrub_data_o = {WIDTH{1'b0}};
    end
  endgenerate

endmodule
