// ns_mac_step: one input times N_OUT weights, each product and each sum assigned to the
// accumulator's format: rounded if it drops bits of the product, saturated if it saturates.
//
// Latency  0. Parameters and element order as in ns_mac.
module ns_mac_step #(
    parameter N_OUT = 4,
    parameter X_LANES = 1,
    parameter X_W = 8,
    parameter X_SIGNED = 0,
    parameter W_W = 6,
    parameter W_SIGNED = 1,
    parameter PRODUCT_F = 13,
    parameter ACC_W = 16,
    parameter ACC_F = 8,
    parameter ACC_SIGNED = 1,
    parameter [87:0] ACC_ROUNDING = "TRN",
    parameter [63:0] ACC_OVERFLOW = "SAT"
) (
    input  wire [N_OUT*ACC_W-1:0] start_i,
    input  wire [X_LANES*X_W-1:0] x_i,
    input  wire [  N_OUT*W_W-1:0] w_i,
    output wire [N_OUT*ACC_W-1:0] sum_o
);

  localparam PRODUCT_W = X_W + W_W + 1;
  localparam SUM_W = ACC_W + 2;

  reg signed  [PRODUCT_W-1:0] x, w;
  reg  [N_OUT*PRODUCT_W-1:0] product;                    // exact
  wire [    N_OUT*ACC_W-1:0] term;                       // on the accumulator's grid
  reg  [    N_OUT*SUM_W-1:0] sum;                        // exact

  integer j, n;

  always @* begin
    for (j = 0; j < N_OUT; j = j + 1) begin
      x = {{W_W + 1{(X_SIGNED != 0) && x_i[(j%X_LANES)*X_W+X_W-1]}}, x_i[(j%X_LANES)*X_W+:X_W]};
      w = {{X_W + 1{(W_SIGNED != 0) && w_i[j*W_W+W_W-1]}}, w_i[j*W_W+:W_W]};
      product[j*PRODUCT_W+:PRODUCT_W] = x * w;
    end
  end

  ns_requantize #(
      .N          (N_OUT),
      .FROM_W     (PRODUCT_W),
      .FROM_F     (PRODUCT_F),
      .FROM_SIGNED(1),
      .TO_W       (ACC_W),
      .TO_F       (ACC_F),
      .TO_SIGNED  (ACC_SIGNED),
      .ROUNDING   (ACC_ROUNDING),
      .OVERFLOW   (ACC_OVERFLOW)
  ) u_term (
      .en_i  (1'b1),
      .data_i(product),
      .data_o(term)
  );

  // Two more bits than the accumulator: one for the carry, one for the sign of an unsigned one.
  function [SUM_W-1:0] extend;
    input [ACC_W-1:0] code;
    extend = {{2{(ACC_SIGNED != 0) && code[ACC_W-1]}}, code};
  endfunction

  always @* begin
    for (n = 0; n < N_OUT; n = n + 1) begin
      sum[n*SUM_W+:SUM_W] = extend(start_i[n*ACC_W+:ACC_W]) + extend(term[n*ACC_W+:ACC_W]);
    end
  end

  ns_requantize #(
      .N          (N_OUT),
      .FROM_W     (SUM_W),
      .FROM_F     (ACC_F),
      .FROM_SIGNED(1),
      .TO_W       (ACC_W),
      .TO_F       (ACC_F),
      .TO_SIGNED  (ACC_SIGNED),
      .OVERFLOW   (ACC_OVERFLOW)
  ) u_sum (
      .en_i  (1'b1),
      .data_i(sum),
      .data_o(sum_o)
  );

endmodule
