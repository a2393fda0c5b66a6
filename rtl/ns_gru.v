// ns_gru: N units of a GRU a cycle, in two stages.
//
//   stage 1   t_z = A(a_z + b_z),  t_r = A(a_r + b_r),  t_h = A(a_h + A(G[t_r] * b_h))
//   stage 2   h = Y(C[t_h] * (1 - G[t_z]) + h * G[t_z])
//
// A() and Y() assign to the formats of the accumulator and of the state, G[] and C[] are tables.
//
// Latency  h_o is there while act_i is high, one cycle behind en_i; h_i is the old state of these units.
module ns_gru #(
    parameter N = 1,                                     // units a cycle
    parameter A_W = 16,                                  // sums and accumulator: bits,
    parameter A_F = 8,                                   //   fractional bits, modes
    parameter [87:0] A_ROUNDING = "TRN",
    parameter [63:0] A_OVERFLOW = "WRAP",
    parameter Y_W = 8,                                   // state: the same
    parameter Y_F = 6,
    parameter [87:0] Y_ROUNDING = "TRN",
    parameter [63:0] Y_OVERFLOW = "WRAP",
    parameter K_W = 16,                                  // bits of a sum of two that can differ from zero
    parameter SIZE = 4,                                  // tables, as in ns_recurrent
    parameter G_W = 8,
    parameter G_F = 7,
    parameter [SIZE*G_W-1:0] G_TABLE = {SIZE{{G_W{1'b0}}}},
    parameter C_W = 8,
    parameter [SIZE*C_W-1:0] C_TABLE = {SIZE{{C_W{1'b0}}}},
    parameter G_UP = 1,
    parameter G_DOWN = 64,
    parameter G_WIDE = 32,
    parameter C_UP = 1,
    parameter C_DOWN = 64,
    parameter C_WIDE = 32
) (
    input  wire               aclk,
    input  wire               en_i,
    input  wire               act_i,
    input  wire [3*N*A_W-1:0] a_i,
    input  wire [3*N*A_W-1:0] b_i,
    input  wire [  N*Y_W-1:0] h_i,
    output wire [  N*Y_W-1:0] h_o
);

  localparam M_F = (G_F > Y_F) ? G_F : Y_F;              // grid on which the two products meet
  localparam R_W = G_W + 2;                              // 1 - G[]
  localparam M_W = R_W + ((C_W + M_F - G_F > Y_W + M_F - Y_F) ? C_W + M_F - G_F : Y_W + M_F - Y_F) + 1;
  localparam P_W = G_W + A_W;
  localparam signed [M_W-1:0] BIT = 1;
  localparam signed [M_W-1:0] ONE = BIT <<< G_F;

  reg  [        N*K_W-1:0] z_q;
  reg  [        N*A_W-1:0] t_q;

  wire [2*N*(A_W+1)-1:0] sum;
  wire [  N*(A_W+1)-1:0] last;
  wire [    2*N*K_W-1:0] zr;
  wire [      N*A_W-1:0] t, reset;
  wire [      N*G_W-1:0] r, z;
  wire [      N*C_W-1:0] c;
  wire [      N*P_W-1:0] product;
  wire [      N*M_W-1:0] mixed;

  always @(posedge aclk) begin
    if (en_i) begin
      z_q <= zr[N*K_W-1:0];
      t_q <= t;
    end
  end

  genvar n;

  generate
    for (n = 0; n < 2 * N; n = n + 1) begin : gen_sum
      assign sum[n*(A_W+1)+:A_W+1] = {a_i[n*A_W+A_W-1], a_i[n*A_W+:A_W]} + {b_i[n*A_W+A_W-1], b_i[n*A_W+:A_W]};
    end

    for (n = 0; n < N; n = n + 1) begin : gen_unit
      wire signed [P_W-1:0] r_wide = {{P_W - G_W{r[n*G_W+G_W-1]}}, r[n*G_W+:G_W]};
      wire signed [P_W-1:0] b_wide = {{P_W - A_W{b_i[(2*N+n)*A_W+A_W-1]}}, b_i[(2*N+n)*A_W+:A_W]};
      wire [A_W-1:0] a_wide = a_i[(2*N+n)*A_W+:A_W];
      wire signed [M_W-1:0] z_wide = {{M_W - G_W{z[n*G_W+G_W-1]}}, z[n*G_W+:G_W]};
      wire signed [M_W-1:0] c_wide = {{M_W - C_W{c[n*C_W+C_W-1]}}, c[n*C_W+:C_W]};
      wire signed [M_W-1:0] h_wide = {{M_W - Y_W{h_i[n*Y_W+Y_W-1]}}, h_i[n*Y_W+:Y_W]};

      assign product[n*P_W+:P_W] = r_wide * b_wide;
      assign last[n*(A_W+1)+:A_W+1] = {a_wide[A_W-1], a_wide} + {reset[n*A_W+A_W-1], reset[n*A_W+:A_W]};
      assign mixed[n*M_W+:M_W] = ((c_wide * (ONE - z_wide)) <<< (M_F - G_F)) + ((h_wide * z_wide) <<< (M_F - Y_F));
    end
  endgenerate

  ns_requantize #(
      .N       (2 * N),
      .FROM_W  (A_W + 1),
      .FROM_F  (A_F),
      .TO_W    (K_W),
      .TO_F    (A_F - A_W + K_W),
      .OVERFLOW(A_OVERFLOW)
  ) u_sum (
      .en_i  (en_i),
      .data_i(sum),
      .data_o(zr)
  );

  ns_table #(
      .N    (N),
      .X_W  (K_W),
      .SIZE (SIZE),
      .UP   (G_UP),
      .DOWN (G_DOWN),
      .WIDE (G_WIDE),
      .Y_W  (G_W),
      .TABLE(G_TABLE)
  ) u_reset (
      .en_i  (en_i),
      .data_i(zr[2*N*K_W-1:N*K_W]),
      .data_o(r)
  );

  ns_requantize #(
      .N       (N),
      .FROM_W  (P_W),
      .FROM_F  (G_F + A_F),
      .TO_W    (A_W),
      .TO_F    (A_F),
      .ROUNDING(A_ROUNDING),
      .OVERFLOW(A_OVERFLOW)
  ) u_product (
      .en_i  (en_i),
      .data_i(product),
      .data_o(reset)
  );

  ns_requantize #(
      .N       (N),
      .FROM_W  (A_W + 1),
      .FROM_F  (A_F),
      .TO_W    (A_W),
      .TO_F    (A_F),
      .OVERFLOW(A_OVERFLOW)
  ) u_last (
      .en_i  (en_i),
      .data_i(last),
      .data_o(t)
  );

  ns_table #(
      .N    (N),
      .X_W  (K_W),
      .SIZE (SIZE),
      .UP   (G_UP),
      .DOWN (G_DOWN),
      .WIDE (G_WIDE),
      .Y_W  (G_W),
      .TABLE(G_TABLE)
  ) u_update (
      .en_i  (act_i),
      .data_i(z_q),
      .data_o(z)
  );

  ns_table #(
      .N    (N),
      .X_W  (A_W),
      .SIZE (SIZE),
      .UP   (C_UP),
      .DOWN (C_DOWN),
      .WIDE (C_WIDE),
      .Y_W  (C_W),
      .TABLE(C_TABLE)
  ) u_cell (
      .en_i  (act_i),
      .data_i(t_q),
      .data_o(c)
  );

  ns_requantize #(
      .N       (N),
      .FROM_W  (M_W),
      .FROM_F  (G_F + M_F),
      .TO_W    (Y_W),
      .TO_F    (Y_F),
      .ROUNDING(Y_ROUNDING),
      .OVERFLOW(Y_OVERFLOW)
  ) u_h (
      .en_i  (act_i),
      .data_i(mixed),
      .data_o(h_o)
  );

endmodule
