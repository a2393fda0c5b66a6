// ns_leaky_relu: x where it is positive, ALPHA * x where it is not, exact.
//
// Latency  0. While en_i is low the result is 0, so that nothing behind it toggles. The output holds every bit, on
//          the finer of the two grids; rounding is the next cell's.
module ns_leaky_relu #(
    parameter N = 4,                                     // elements
    parameter X_W = 8,                                   // input: bits,
    parameter X_SIGNED = 1,                              //   two's complement
    parameter ALPHA = 1,                                 // slope below zero, a code
    parameter X_UP = 3,                                  // zeros that bring x to the output's grid,
    parameter PRODUCT_UP = 0,                            //   a product
    parameter Y_W = 16                                   // output: bits, two's complement
) (
    input  wire             en_i,
    input  wire [N*X_W-1:0] data_i,
    output wire [N*Y_W-1:0] data_o
);

  // verilator lint_off WIDTH
  localparam signed [Y_W-1:0] SLOPE = ALPHA;
  // verilator lint_on WIDTH

  genvar n;

  generate
    for (n = 0; n < N; n = n + 1) begin : gen_element
      wire signed [Y_W-1:0] x = {{Y_W - X_W{(X_SIGNED != 0) && data_i[n*X_W+X_W-1]}}, data_i[n*X_W+:X_W]};
      wire signed [Y_W-1:0] y = (x > 0) ? x <<< X_UP : (x * SLOPE) <<< PRODUCT_UP;

      assign data_o[n*Y_W+:Y_W] = en_i ? y : {Y_W{1'b0}};
    end
  endgenerate

endmodule
