// ns_config: address decoder of one weight store on the configuration port.
//
// A store fills the 2**(WORD_W+LANE_W) addresses from BASE, a multiple of that size: word w, lane l
// (bits [32*l +: 32] of the word) is at BASE + w * 2**LANE_W + l.
//
// Latency  0. Addresses of words or lanes that do not exist are decoded and change nothing.
module ns_config #(
    parameter [31:0] BASE = 32'h0,
    parameter WORD_W = 4,                                // bits of a word number
    parameter LANE_W = 1                                 // bits of a lane number
) (
    input  wire              cfg_we_i,
    input  wire [      31:0] cfg_addr_i,
    output wire              we_o,
    output wire [WORD_W-1:0] word_o,
    output wire [LANE_W-1:0] lane_o
);

  assign we_o   = cfg_we_i && cfg_addr_i[31:WORD_W+LANE_W] == BASE[31:WORD_W+LANE_W];
  assign word_o = cfg_addr_i[LANE_W+:WORD_W];
  assign lane_o = cfg_addr_i[LANE_W-1:0];

endmodule
