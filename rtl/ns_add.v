// ns_add: two vectors added element by element, exact.
//
// Latency  0. While en_i is low the result is 0, so that nothing behind it toggles. The output holds every bit of
//          the sum, on the finer of the two grids; rounding is the next cell's.
module ns_add #(
    parameter N = 4,                                     // elements
    parameter A_W = 8,                                   // first vector: bits,
    parameter A_SIGNED = 0,                              //   two's complement,
    parameter A_UP = 0,                                  //   zeros that bring it to the output's grid
    parameter B_W = 8,                                   // second vector: the same
    parameter B_SIGNED = 0,
    parameter B_UP = 0,
    parameter Y_W = 10                                   // output: bits, two's complement
) (
    input  wire             en_i,
    input  wire [N*A_W-1:0] a_i,
    input  wire [N*B_W-1:0] b_i,
    output wire [N*Y_W-1:0] y_o
);

  genvar n;

  generate
    for (n = 0; n < N; n = n + 1) begin : gen_element
      wire signed [Y_W-1:0] a = {{Y_W - A_W{(A_SIGNED != 0) && a_i[n*A_W+A_W-1]}}, a_i[n*A_W+:A_W]};
      wire signed [Y_W-1:0] b = {{Y_W - B_W{(B_SIGNED != 0) && b_i[n*B_W+B_W-1]}}, b_i[n*B_W+:B_W]};
      wire signed [Y_W-1:0] y = (a <<< A_UP) + (b <<< B_UP);

      assign y_o[n*Y_W+:Y_W] = en_i ? y : {Y_W{1'b0}};
    end
  endgenerate

endmodule
