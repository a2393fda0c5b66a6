// ns_bank: one replica of a weight store, WORDS words of WIDTH flip-flops.
//
// A configuration write replaces one 32-bit lane of one word. Reads are combinational: row_i picks
// PER_READ neighbouring words. Bits whose MASK is 0 are written as 0 for ever, so synthesis keeps
// exactly the masked flip-flops; simulation runs on whole words.
//
// Latency     read 0, write 1 cycle; no reset (the store is loaded, not reset).
// Hierarchy   keep_hierarchy: synthesis merges equal replicas that stand in one module, and a `keep`
//             on an array does not stop it (docs/architecture.md, "Nothing is protected by assertion").
// Fault site  mem_q[word][bit].
(* keep_hierarchy *)
module ns_bank #(
    parameter WORDS = 16,                                // words
    parameter WIDTH = 24,                                // bits of a word
    parameter PER_READ = 1,                              // words read together; divides WORDS
    parameter [WORDS*WIDTH-1:0] MASK = {WORDS{{WIDTH{1'b1}}}},  // word w is MASK[w*WIDTH +: WIDTH]
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
    output reg  [PER_READ*WIDTH-1:0] data_o
);

  localparam FULL = WIDTH / 32;                          // lanes of 32 bits
  localparam REST = WIDTH - 32 * FULL;                   // bits of the last, shorter lane
  localparam HEAD = (FULL == 0) ? 1 : 32;                // a width that is legal where no lane is full
  localparam TAIL = (REST == 0) ? 1 : REST;              // and where no lane is short

  wire unused_ok = &{1'b0, data_i, 1'b0};                // a word narrower than a lane leaves bits over

  (* ram_style = "logic" *)
  reg [WIDTH-1:0] mem_q [0:WORDS-1];

  // Simulation: as a net the mask is built once; as a parameter Icarus builds it at every use.
  wire [WORDS*WIDTH-1:0] mask = MASK;

  wire [31:0] word = {{32 - WORD_W{1'b0}}, word_i};

  integer g, w, l, k;

  // Every word is written with its own constant mask, hence loops and no index; in groups of 32, so
  // that a simulator takes few steps. Verilator must not unroll them: its model would test every word
  // in every cycle.
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
    end
  end

  always @* begin
    for (k = 0; k < PER_READ; k = k + 1) begin
      data_o[k*WIDTH+:WIDTH] = mem_q[row_i*PER_READ+k];
    end
  end

endmodule
