// ns_mask: which bits of the words that a store reads are protected: a constant, looked up by row.
//
// Latency    0.
// Hierarchy  keep_hierarchy: otherwise synthesis may move the row register behind the look-up, and the
//            design has more flip-flops than it says.
(* keep_hierarchy *)
module ns_mask #(
    parameter ROWS = 16,                                 // rows
    parameter WIDTH = 24,                                // bits of a row
    parameter [ROWS*WIDTH-1:0] MASK = {ROWS{{WIDTH{1'b0}}}},  // row r is MASK[r*WIDTH +: WIDTH]
    parameter ROW_W = 4                                  // bits of a row number
) (
    input  wire [ROW_W-1:0] row_i,
    output wire [WIDTH-1:0] mask_o
);

  wire [ROWS*WIDTH-1:0] mask = MASK;                     // built once; a parameter at every look-up (Icarus)

  assign mask_o = mask[row_i*WIDTH+:WIDTH];

endmodule
