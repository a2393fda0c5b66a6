// ns_scale: batch normalisation, y = x * scale + bias, channel by channel, exact.
//
// Latency  0. While en_i is low the result is 0, so that nothing behind it toggles. The output holds every bit:
//          Y_W is enough for any product plus any bias, and rounding is the next cell's.
module ns_scale #(
    parameter N = 4,                                     // channels
    parameter X_W = 8,                                   // input: bits,
    parameter X_SIGNED = 0,                              //   two's complement
    parameter S_W = 8,                                   // scale: the same
    parameter S_SIGNED = 1,
    parameter B_W = 8,                                   // bias: the same
    parameter B_SIGNED = 1,
    parameter PRODUCT_UP = 0,                            // zeros that bring a product to the output's grid,
    parameter BIAS_UP = 0,                               //   a bias
    parameter Y_W = 20                                   // output: bits, two's complement
) (
    input  wire             en_i,
    input  wire [N*X_W-1:0] x_i,
    input  wire [N*S_W-1:0] scale_i,
    input  wire [N*B_W-1:0] bias_i,
    output wire [N*Y_W-1:0] y_o
);

  genvar c;

  generate
    for (c = 0; c < N; c = c + 1) begin : gen_channel
      wire signed [Y_W-1:0] x = {{Y_W - X_W{(X_SIGNED != 0) && x_i[c*X_W+X_W-1]}}, x_i[c*X_W+:X_W]};
      wire signed [Y_W-1:0] s = {{Y_W - S_W{(S_SIGNED != 0) && scale_i[c*S_W+S_W-1]}}, scale_i[c*S_W+:S_W]};
      wire signed [Y_W-1:0] b = {{Y_W - B_W{(B_SIGNED != 0) && bias_i[c*B_W+B_W-1]}}, bias_i[c*B_W+:B_W]};
      wire signed [Y_W-1:0] y = (x * s <<< PRODUCT_UP) + (b <<< BIAS_UP);

      assign y_o[c*Y_W+:Y_W] = en_i ? y : {Y_W{1'b0}};
    end
  endgenerate

endmodule
