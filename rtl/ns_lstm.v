// ns_lstm: N units of an LSTM a cycle, in two stages; holds the second state s of all UNITS.
//
//   stage 1   t = A(a + b), for the gates i, f, g, o
//   stage 2   s = Y(C[t_g] * G[t_i] + s * G[t_f]),  h = Y(G[t_o] * C[s])
//
// A() and Y() assign to the formats of the accumulator and of the state, G[] and C[] are tables.
//
// Latency  h_o is there while act_i is high, one cycle behind en_i. s turns by N units with every act_i; it
//          reads as zero while first_i is high.
module ns_lstm #(
    parameter UNITS = 4,                                 // units
    parameter N = 1,                                     // units a cycle
    parameter A_W = 16,                                  // sums and accumulator: bits,
    parameter A_F = 8,                                   //   fractional bits, overflow
    parameter [63:0] A_OVERFLOW = "WRAP",
    parameter Y_W = 8,                                   // state: the same, and rounding
    parameter Y_F = 6,
    parameter [87:0] Y_ROUNDING = "TRN",
    parameter [63:0] Y_OVERFLOW = "WRAP",
    parameter H_W = 8,                                   // bits of h that can differ
    parameter K_W = 16,                                  // bits of a sum that can differ from zero
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
    parameter C_WIDE = 32,
    parameter S_UP = 1,
    parameter S_DOWN = 64,
    parameter S_WIDE = 32
) (
    input  wire               aclk,
    input  wire               en_i,
    input  wire               act_i,
    input  wire               first_i,
    input  wire [4*N*A_W-1:0] a_i,
    input  wire [4*N*A_W-1:0] b_i,
    output wire [  N*H_W-1:0] h_o
);

  localparam M_F = (G_F > Y_F) ? G_F : Y_F;              // grid on which the two products meet
  localparam M_W = G_W + ((C_W + M_F - G_F > Y_W + M_F - Y_F) ? C_W + M_F - G_F : Y_W + M_F - Y_F) + 1;
  localparam O_W = G_W + C_W;

  reg  [  4*N*K_W-1:0] t_q;
  reg  [UNITS*Y_W-1:0] s_q;

  wire [4*N*(A_W+1)-1:0] sum;
  wire [    4*N*K_W-1:0] t;
  wire [      N*G_W-1:0] i, f, o;
  wire [      N*C_W-1:0] c, d;
  wire [      N*M_W-1:0] mixed;
  wire [      N*Y_W-1:0] s, h;
  wire [      N*O_W-1:0] product;
  wire [      N*Y_W-1:0] s_old = first_i ? {N * Y_W{1'b0}} : s_q[N*Y_W-1:0];
  wire [(UNITS+N)*Y_W-1:0] turned = {s, s_q};

  always @(posedge aclk) begin
    if (en_i) t_q <= t;
    if (act_i) s_q <= turned[(UNITS+N)*Y_W-1:N*Y_W];
  end

  genvar n;

  generate
    for (n = 0; n < 4 * N; n = n + 1) begin : gen_sum
      assign sum[n*(A_W+1)+:A_W+1] = {a_i[n*A_W+A_W-1], a_i[n*A_W+:A_W]} + {b_i[n*A_W+A_W-1], b_i[n*A_W+:A_W]};
    end

    for (n = 0; n < N; n = n + 1) begin : gen_unit
      wire signed [M_W-1:0] i_wide = {{M_W - G_W{i[n*G_W+G_W-1]}}, i[n*G_W+:G_W]};
      wire signed [M_W-1:0] f_wide = {{M_W - G_W{f[n*G_W+G_W-1]}}, f[n*G_W+:G_W]};
      wire signed [M_W-1:0] c_wide = {{M_W - C_W{c[n*C_W+C_W-1]}}, c[n*C_W+:C_W]};
      wire signed [M_W-1:0] s_wide = {{M_W - Y_W{s_old[n*Y_W+Y_W-1]}}, s_old[n*Y_W+:Y_W]};
      wire signed [O_W-1:0] o_wide = {{O_W - G_W{o[n*G_W+G_W-1]}}, o[n*G_W+:G_W]};
      wire signed [O_W-1:0] d_wide = {{O_W - C_W{d[n*C_W+C_W-1]}}, d[n*C_W+:C_W]};

      assign mixed[n*M_W+:M_W]   = ((c_wide * i_wide) <<< (M_F - G_F)) + ((s_wide * f_wide) <<< (M_F - Y_F));
      assign product[n*O_W+:O_W] = o_wide * d_wide;
      assign h_o[n*H_W+:H_W]     = h[n*Y_W+:H_W];
    end
  endgenerate

  wire unused_ok = &{1'b0, h, turned[N*Y_W-1:0], 1'b0};  // the bits of h above H_W are those of the sign

  ns_requantize #(
      .N       (4 * N),
      .FROM_W  (A_W + 1),
      .FROM_F  (A_F),
      .TO_W    (K_W),
      .TO_F    (A_F - A_W + K_W),
      .OVERFLOW(A_OVERFLOW)
  ) u_sum (
      .en_i  (en_i),
      .data_i(sum),
      .data_o(t)
  );

  ns_table #(
      .N    (3 * N),
      .X_W  (K_W),
      .SIZE (SIZE),
      .UP   (G_UP),
      .DOWN (G_DOWN),
      .WIDE (G_WIDE),
      .Y_W  (G_W),
      .TABLE(G_TABLE)
  ) u_gates (
      .en_i  (act_i),
      .data_i({t_q[4*N*K_W-1:3*N*K_W], t_q[2*N*K_W-1:0]}),
      .data_o({o, f, i})
  );

  ns_table #(
      .N    (N),
      .X_W  (K_W),
      .SIZE (SIZE),
      .UP   (C_UP),
      .DOWN (C_DOWN),
      .WIDE (C_WIDE),
      .Y_W  (C_W),
      .TABLE(C_TABLE)
  ) u_cell (
      .en_i  (act_i),
      .data_i(t_q[3*N*K_W-1:2*N*K_W]),
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
  ) u_s (
      .en_i  (act_i),
      .data_i(mixed),
      .data_o(s)
  );

  ns_table #(
      .N    (N),
      .X_W  (Y_W),
      .SIZE (SIZE),
      .UP   (S_UP),
      .DOWN (S_DOWN),
      .WIDE (S_WIDE),
      .Y_W  (C_W),
      .TABLE(C_TABLE)
  ) u_state (
      .en_i  (act_i),
      .data_i(s),
      .data_o(d)
  );

  ns_requantize #(
      .N       (N),
      .FROM_W  (O_W),
      .FROM_F  (2 * G_F),
      .TO_W    (Y_W),
      .TO_F    (Y_F),
      .ROUNDING(Y_ROUNDING),
      .OVERFLOW(Y_OVERFLOW)
  ) u_h (
      .en_i  (act_i),
      .data_i(product),
      .data_o(h)
  );

endmodule
