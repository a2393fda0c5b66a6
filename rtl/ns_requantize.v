// ns_requantize: N fixed-point numbers assigned to another format, as ap_fixed assigns.
//
// Rounding comes first (bits below the target's least significant one), overflow second. All seven
// rounding and four overflow modes of ap_fixed, by name. Element n is data_i[n*FROM_W +: FROM_W].
//
// Latency  0. While en_i is low the result is 0, so that nothing behind it toggles.
// Source   Xilinx UG902, "Arbitrary Precision Fixed-Point Data Types"; netsurf.fixed.cast is the same
//          function in Python, and tests/equivalence/test_cells.py compares the two.
module ns_requantize #(
    parameter N = 1,                                     // elements
    parameter FROM_W = 8,                                // source: bits,
    parameter FROM_F = 4,                                //   fractional bits (may be negative),
    parameter FROM_SIGNED = 1,                           //   two's complement
    parameter TO_W = 6,                                  // target: the same
    parameter TO_F = 2,
    parameter TO_SIGNED = 1,
    parameter [87:0] ROUNDING = "TRN",                   // TRN[_ZERO] RND[_ZERO,_INF,_MIN_INF,_CONV]
    parameter [63:0] OVERFLOW = "WRAP"                   // WRAP SAT SAT_ZERO SAT_SYM
) (
    input  wire                en_i,
    input  wire [N*FROM_W-1:0] data_i,
    output reg  [  N*TO_W-1:0] data_o
);

  localparam DROP = (FROM_F > TO_F) ? FROM_F - TO_F : 0;   // bits that are rounded away
  localparam GROW = (FROM_F < TO_F) ? TO_F - FROM_F : 0;   // zeros that are appended
  localparam REST = (DROP == 0) ? 1 : DROP;
  localparam WIDE = FROM_W + TO_W + DROP + GROW + 2;       // holds everything between

  localparam signed [WIDE-1:0] ONE = 1;
  localparam signed [WIDE-1:0] HIGH = (ONE <<< ((TO_SIGNED != 0) ? TO_W - 1 : TO_W)) - ONE;
  localparam signed [WIDE-1:0] LOW = (TO_SIGNED == 0) ? {WIDE{1'b0}} :
                                     (OVERFLOW == "SAT_SYM" && TO_W > 1) ? -HIGH : -HIGH - ONE;

  // Whether the truncated code is raised by one.
  function round_up;
    input negative;                                      // the exact value is below zero
    input odd;                                           // the truncated code is odd
    input [REST-1:0] rest;                               // the bits that are dropped
    reg half, more;
    begin
      half = rest[REST-1];
      more = |(rest << 1);
      case (ROUNDING)
        "TRN_ZERO":    round_up = negative && (half || more);
        "RND":         round_up = half;
        "RND_ZERO":    round_up = half && (more || negative);
        "RND_INF":     round_up = half && (more || !negative);
        "RND_MIN_INF": round_up = half && more;
        "RND_CONV":    round_up = half && (more || odd);
        default:       round_up = 1'b0;
      endcase
    end
  endfunction

  function [TO_W-1:0] requantize;
    input [FROM_W-1:0] code;
    reg signed [WIDE-1:0] exact, code_on_grid;
    begin
      exact = {{WIDE - FROM_W{(FROM_SIGNED != 0) && code[FROM_W-1]}}, code};
      code_on_grid = (exact <<< GROW) >>> DROP;
      if (DROP != 0 && round_up(exact[WIDE-1], code_on_grid[0], exact[REST-1:0]))
        code_on_grid = code_on_grid + ONE;
      requantize = code_on_grid[TO_W-1:0];
      if (OVERFLOW != "WRAP") begin
        if (code_on_grid > HIGH) requantize = (OVERFLOW == "SAT_ZERO") ? {TO_W{1'b0}} : HIGH[TO_W-1:0];
        if (code_on_grid < LOW) requantize = (OVERFLOW == "SAT_ZERO") ? {TO_W{1'b0}} : LOW[TO_W-1:0];
      end
    end
  endfunction

  integer n;

  always @* begin
    data_o = {N{{TO_W{1'b0}}}};
    n = 0;                                               // else the loop's counter is a latch where en_i is 0
    if (en_i) begin
      for (n = 0; n < N; n = n + 1) begin
        data_o[n*TO_W+:TO_W] = requantize(data_i[n*FROM_W+:FROM_W]);
      end
    end
  end

endmodule
