// ns_recurrent: the steps of an LSTM or GRU between its two ns_dense: one for x[t], one for h.
//
// A step: x_open_o lets the X_BEATS beats of x[t] into their ns_dense; behind the first of them the state goes to
// the other, LANES units a beat; when both have their sums, LANES units a cycle are updated, and the new state is
// given out if it is due. The state of the first step of a sample reads as zero: nothing is reset between samples.
//
// Latency     of a step: x beat 0 in cycle 0, h beat 0 in cycle 1; BEATS = UNITS / LANES cycles of updates begin
//             when both sums are there, y_valid_o rises one cycle behind the second stage of the last one.
// Interval    the next step begins in the cycle behind the last stage, or behind the beat of y.
// Handshakes  valid/ready; x_open_o depends on registers alone. The sums are taken with the last update.
module ns_recurrent #(
    parameter GRU = 0,                                   // a GRU: 3 gates; else an LSTM: 4 gates and a second state
    parameter UNITS = 4,                                 // units
    parameter LANES = 1,                                 // units a beat; divides UNITS
    parameter STEPS = 4,                                 // steps of a sample
    parameter SEQUENCE = 0,                              // give out every state, else the last
    parameter X_BEATS = 1,                               // beats of x[t]: one, or several
    parameter BEAT_W = 2,                                // bits of a beat number,
    parameter STEP_W = 2,                                //   of a step number
    parameter A_W = 16,                                  // sums and accumulator: bits,
    parameter A_F = 8,                                   //   fractional bits,
    parameter [87:0] A_ROUNDING = "TRN",                 //   modes as in ns_requantize
    parameter [63:0] A_OVERFLOW = "WRAP",
    parameter Y_W = 8,                                   // state: the same
    parameter Y_F = 6,
    parameter [87:0] Y_ROUNDING = "TRN",
    parameter [63:0] Y_OVERFLOW = "WRAP",
    parameter H_W = 8,                                   // bits of h that can differ; Y_W at most
    parameter K_W = 16,                                  // bits of a sum that can differ from zero; A_W at most
    parameter SIZE = 4,                                  // entries of both tables
    parameter G_W = 8,                                   // entries of the gates' table: bits,
    parameter G_F = 7,                                   //   fractional bits of both tables
    parameter [SIZE*G_W-1:0] G_TABLE = {SIZE{{G_W{1'b0}}}},
    parameter C_W = 8,                                   // entries of the other table
    parameter [SIZE*C_W-1:0] C_TABLE = {SIZE{{C_W{1'b0}}}},
    parameter G_UP = 1,                                  // entries that a code is worth, as in ns_table:
    parameter G_DOWN = 64,                               //   a sum in the gates' table,
    parameter G_WIDE = 32,
    parameter C_UP = 1,                                  //   a sum in the other,
    parameter C_DOWN = 64,
    parameter C_WIDE = 32,
    parameter S_UP = 1,                                  //   a state of an LSTM in the other
    parameter S_DOWN = 64,
    parameter S_WIDE = 32,
    parameter GATES = (GRU != 0) ? 3 : 4                 // not to be set
) (
    input  wire                       aclk,
    input  wire                       aresetn,
    input  wire                       x_fire_i,          // a beat of x moves,
    input  wire                       x_last_i,          //   the last one of the step
    output wire                       x_open_o,
    output wire                       h_valid_o,
    input  wire                       h_ready_i,
    output wire [      LANES*Y_W-1:0] h_data_o,
    input  wire                       sums_valid_i,      // both sums are there
    output wire                       sums_ready_o,
    input  wire [GATES*UNITS*A_W-1:0] a_data_i,
    input  wire [GATES*UNITS*A_W-1:0] b_data_i,
    output wire                       y_valid_o,
    input  wire                       y_ready_i,
    output wire [      UNITS*Y_W-1:0] y_data_o
);

  localparam BEATS = UNITS / LANES;

  reg                  shut_q;                           // every beat of x[t] was taken
  reg                  fed_q;                            // the state was handed out
  reg                  act_q;                            // the second stage of an update
  reg                  give_q;                           // the state is due
  reg  [UNITS*H_W-1:0] h_q;

  wire                 begun;                            // a beat of x[t] was taken
  wire                 ending;                           // the second stage of the last one
  wire                 last, last_step;
  wire [   BEAT_W-1:0] beat;
  wire [   STEP_W-1:0] step;

  wire                 feed = h_valid_o && h_ready_i;
  wire                 update = fed_q && sums_valid_i;
  wire                 due = (SEQUENCE != 0) || last_step;
  wire                 release_step = (ending && !due) || (give_q && y_ready_i);
  wire                 first = step == {STEP_W{1'b0}};

  assign x_open_o     = !shut_q;
  assign h_valid_o    = begun && !fed_q;
  assign sums_ready_o = update && last;
  assign y_valid_o    = give_q;

  ns_count #(
      .N(BEATS),
      .W(BEAT_W)
  ) u_beat (
      .aclk   (aclk),
      .aresetn(aresetn),
      .en_i   (feed || update),
      .value_o(beat),
      .last_o (last)
  );

  ns_count #(
      .N(STEPS),
      .W(STEP_W)
  ) u_step (
      .aclk   (aclk),
      .aresetn(aresetn),
      .en_i   (release_step),
      .value_o(step),
      .last_o (last_step)
  );

  always @(posedge aclk) begin
    if (!aresetn) begin
      shut_q  <= 1'b0;
      fed_q   <= 1'b0;
      act_q   <= 1'b0;
      give_q  <= 1'b0;
    end else begin
      shut_q  <= (shut_q || (x_fire_i && x_last_i)) && !release_step;
      fed_q   <= (fed_q || (feed && last)) && !release_step;
      act_q   <= update;
      give_q  <= (give_q || (ending && due)) && !release_step;
    end
  end

  generate
    if (X_BEATS == 1) begin : gen_one
      assign begun = shut_q;
    end else begin : gen_several
      reg begun_q;

      assign begun = begun_q;

      always @(posedge aclk) begin
        if (!aresetn) begun_q <= 1'b0;
        else begun_q <= (begun_q || x_fire_i) && !release_step;
      end
    end
  endgenerate

  generate
    if (BEATS == 1) begin : gen_whole
      assign ending = act_q;
    end else begin : gen_parts
      reg end_q;

      assign ending = end_q;

      always @(posedge aclk) begin
        if (!aresetn) end_q <= 1'b0;
        else end_q <= update && last;
      end
    end
  endgenerate

  // The state turns by a beat, when it is read and when it is replaced: after BEATS beats unit 0 is in front.
  wire [LANES*H_W-1:0] front = h_q[LANES*H_W-1:0];
  wire [LANES*H_W-1:0] old = first ? {LANES * H_W{1'b0}} : front;
  wire [LANES*H_W-1:0] fresh;
  wire [(UNITS+LANES)*H_W-1:0] turned = {act_q ? fresh : front, h_q};
  wire unused_ok = &{1'b0, turned[LANES*H_W-1:0], 1'b0};

  always @(posedge aclk) begin
    if (act_q || feed) h_q <= turned[(UNITS+LANES)*H_W-1:LANES*H_W];
  end

  // The sums of the units of this beat, gate after gate.
  wire [GATES*LANES*A_W-1:0] a, b;
  genvar g, n;

  generate
    for (g = 0; g < GATES; g = g + 1) begin : gen_gate
      wire [UNITS*A_W-1:0] a_gate = a_data_i[g*UNITS*A_W+:UNITS*A_W];
      wire [UNITS*A_W-1:0] b_gate = b_data_i[g*UNITS*A_W+:UNITS*A_W];

      assign a[g*LANES*A_W+:LANES*A_W] = a_gate[beat*(LANES*A_W)+:LANES*A_W];
      assign b[g*LANES*A_W+:LANES*A_W] = b_gate[beat*(LANES*A_W)+:LANES*A_W];
    end

    for (n = 0; n < LANES; n = n + 1) begin : gen_lane
      assign h_data_o[n*Y_W+:Y_W] = {{Y_W - H_W + 1{old[n*H_W+H_W-1]}}, old[n*H_W+:H_W-1]};
    end

    for (n = 0; n < UNITS; n = n + 1) begin : gen_unit
      assign y_data_o[n*Y_W+:Y_W] = {{Y_W - H_W + 1{h_q[n*H_W+H_W-1]}}, h_q[n*H_W+:H_W-1]};
    end

    if (GRU != 0) begin : gen_gru
      ns_gru #(
          .N         (LANES),
          .A_W       (A_W),
          .A_F       (A_F),
          .A_ROUNDING(A_ROUNDING),
          .A_OVERFLOW(A_OVERFLOW),
          .Y_W       (Y_W),
          .Y_F       (Y_F),
          .Y_ROUNDING(Y_ROUNDING),
          .Y_OVERFLOW(Y_OVERFLOW),
          .K_W       (K_W),
          .SIZE      (SIZE),
          .G_W       (G_W),
          .G_F       (G_F),
          .G_TABLE   (G_TABLE),
          .C_W       (C_W),
          .C_TABLE   (C_TABLE),
          .G_UP      (G_UP),
          .G_DOWN    (G_DOWN),
          .G_WIDE    (G_WIDE),
          .C_UP      (C_UP),
          .C_DOWN    (C_DOWN),
          .C_WIDE    (C_WIDE)
      ) u_cell (
          .aclk (aclk),
          .en_i (update),
          .act_i(act_q),
          .a_i  (a),
          .b_i  (b),
          .h_i  (old),
          .h_o  (fresh)
      );
    end else begin : gen_lstm
      ns_lstm #(
          .UNITS     (UNITS),
          .N         (LANES),
          .A_W       (A_W),
          .A_F       (A_F),
          .A_OVERFLOW(A_OVERFLOW),
          .Y_W       (Y_W),
          .Y_F       (Y_F),
          .Y_ROUNDING(Y_ROUNDING),
          .Y_OVERFLOW(Y_OVERFLOW),
          .H_W       (H_W),
          .K_W       (K_W),
          .SIZE      (SIZE),
          .G_W       (G_W),
          .G_F       (G_F),
          .G_TABLE   (G_TABLE),
          .C_W       (C_W),
          .C_TABLE   (C_TABLE),
          .G_UP      (G_UP),
          .G_DOWN    (G_DOWN),
          .G_WIDE    (G_WIDE),
          .C_UP      (C_UP),
          .C_DOWN    (C_DOWN),
          .C_WIDE    (C_WIDE),
          .S_UP      (S_UP),
          .S_DOWN    (S_DOWN),
          .S_WIDE    (S_WIDE)
      ) u_cell (
          .aclk   (aclk),
          .en_i   (update),
          .act_i  (act_q),
          .first_i(first),
          .a_i    (a),
          .b_i    (b),
          .h_o    (fresh)
      );
    end
  endgenerate

endmodule
