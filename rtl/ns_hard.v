// ns_hard: the straight line SLOPE * x + SHIFT cut at 0 and 1, or that stretched to -1 and 1; exact.
//
// Latency  0. While en_i is low the result is 0, so that nothing behind it toggles. The output has FRACTION
//          fractional bits and holds every bit; rounding is the next cell's.
module ns_hard #(
    parameter N = 4,                                     // elements
    parameter X_W = 8,                                   // input: bits,
    parameter X_SIGNED = 1,                              //   two's complement
    parameter SLOPE = 1,                                 // codes of the constants,
    parameter SHIFT = 1,
    parameter PRODUCT_UP = 0,                            //   zeros that bring a product to the output's grid,
    parameter SHIFT_UP = 0,                              //   the shift
    parameter TANH = 0,                                  // from -1 to 1
    parameter FRACTION = 8,                              // fractional bits of the output
    parameter Y_W = 24                                   // its bits, two's complement
) (
    input  wire             en_i,
    input  wire [N*X_W-1:0] data_i,
    output wire [N*Y_W-1:0] data_o
);

  // verilator lint_off WIDTH
  localparam signed [Y_W-1:0] RISE = SLOPE;
  localparam signed [Y_W-1:0] START = SHIFT;
  localparam signed [Y_W-1:0] BIT = 1;
  // verilator lint_on WIDTH
  localparam signed [Y_W-1:0] ONE = BIT <<< FRACTION;

  genvar n;

  generate
    for (n = 0; n < N; n = n + 1) begin : gen_element
      wire signed [Y_W-1:0] x = {{Y_W - X_W{(X_SIGNED != 0) && data_i[n*X_W+X_W-1]}}, data_i[n*X_W+:X_W]};
      wire signed [Y_W-1:0] line = ((x * RISE) <<< PRODUCT_UP) + (START <<< SHIFT_UP);
      wire signed [Y_W-1:0] unit = (line < 0) ? {Y_W{1'b0}} : (line > ONE) ? ONE : line;
      wire signed [Y_W-1:0] y = (TANH != 0) ? (unit <<< 1) - ONE : unit;

      assign data_o[n*Y_W+:Y_W] = en_i ? y : {Y_W{1'b0}};
    end
  endgenerate

endmodule
