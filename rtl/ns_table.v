// ns_table: a function from a table of SIZE codes, TABLE[clip(trunc(x * UP / DOWN) + SIZE/2)].
//
// trunc() goes towards zero, clip() to the ends of the table. Entry k is TABLE[k*Y_W +: Y_W].
//
// Latency  0. While en_i is low the result is 0, so that nothing behind it toggles.
module ns_table #(
    parameter N = 4,                                     // elements
    parameter X_W = 8,                                   // input: bits,
    parameter X_SIGNED = 1,                              //   two's complement
    parameter SIZE = 4,                                  // entries
    parameter UP = 1,                                    // entries a code is worth: UP / DOWN
    parameter DOWN = 64,
    parameter WIDE = 32,                                 // bits of x * UP, and of SIZE and DOWN
    parameter Y_W = 8,                                   // bits of an entry
    parameter [SIZE*Y_W-1:0] TABLE = {SIZE{{Y_W{1'b0}}}}
) (
    input  wire             en_i,
    input  wire [N*X_W-1:0] data_i,
    output wire [N*Y_W-1:0] data_o
);

  // verilator lint_off WIDTH
  localparam signed [WIDE-1:0] FACTOR = UP;
  localparam signed [WIDE-1:0] DIVISOR = DOWN;
  localparam signed [WIDE-1:0] MIDDLE = SIZE / 2;
  localparam signed [WIDE-1:0] LAST = SIZE - 1;
  // verilator lint_on WIDTH

  genvar n;

  generate
    for (n = 0; n < N; n = n + 1) begin : gen_element
      wire signed [WIDE-1:0] x = {{WIDE - X_W{(X_SIGNED != 0) && data_i[n*X_W+X_W-1]}}, data_i[n*X_W+:X_W]};
      wire signed [WIDE-1:0] steps = (x * FACTOR) / DIVISOR + MIDDLE;
      wire signed [WIDE-1:0] entry = (steps < 0) ? {WIDE{1'b0}} : (steps > LAST) ? LAST : steps;

      // verilator lint_off WIDTH
      assign data_o[n*Y_W+:Y_W] = en_i ? TABLE[entry*Y_W+:Y_W] : {Y_W{1'b0}};
      // verilator lint_on WIDTH
    end
  endgenerate

endmodule
