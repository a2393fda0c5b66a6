// ns_dense: a dense layer, y = bias + x * kernel, in the accumulator's format.
//
// Takes PER_BEAT inputs a beat and asks the kernel's store for their words in the same cycle.
// With several beats, words and inputs are registered and accumulated in the next cycle; with one
// beat (fully parallel) they are not. Samples overlap: the first beat of one may follow the last beat
// of the one before.
//
// Latency     from the first of BEATS accepted beats to acc_valid_o: BEATS + 1 cycles; 1 if BEATS = 1.
// Interval    BEATS cycles.
// Reads       word b*PER_BEAT+k of the kernel in the cycle in which beat b is accepted (kernel_read_o,
//             kernel_row_o = b); the bias one cycle after beat 0 (bias_read_o); in the same if BEATS = 1.
// Handshakes  valid/ready; x_ready_o depends on acc_ready_i combinationally. x_last_i ends a sample; one
//             that ends early is dropped, so that a broken frame does not shift those behind it.
module ns_dense #(
    parameter N_IN = 16,                                 // inputs
    parameter N_OUT = 4,                                 // outputs
    parameter PER_BEAT = 1,                              // inputs a cycle; divides N_IN
    parameter ROW_W = 4,                                 // bits of a beat number
    parameter X_LANES = 1,                               // numbers of an input: 1 for all outputs, or N_OUT, one each
    parameter X_W = 8,                                   // input: bits,
    parameter X_F = 8,                                   //   fractional bits,
    parameter X_SIGNED = 0,                              //   two's complement
    parameter W_W = 6,                                   // kernel: the same
    parameter W_F = 5,
    parameter W_SIGNED = 1,
    parameter B_W = 6,                                   // bias: the same
    parameter B_F = 5,
    parameter B_SIGNED = 1,
    parameter ACC_W = 24,                                // accumulator: the same, and modes as in
    parameter ACC_F = 13,                                //   ns_requantize
    parameter ACC_SIGNED = 1,
    parameter [87:0] ACC_ROUNDING = "TRN",
    parameter [63:0] ACC_OVERFLOW = "WRAP",
    parameter [63:0] B_OVERFLOW = ACC_OVERFLOW           // of the bias; WRAP copies between equal types
) (
    input  wire                          aclk,
    input  wire                          aresetn,
    input  wire                          x_valid_i,
    output wire                          x_ready_o,
    input  wire                          x_last_i,
    input  wire [PER_BEAT*X_LANES*X_W-1:0] x_data_i,
    output wire                          kernel_read_o,
    output wire [             ROW_W-1:0] kernel_row_o,
    input  wire [PER_BEAT*N_OUT*W_W-1:0] kernel_data_i,
    output wire                          bias_read_o,
    input  wire [         N_OUT*B_W-1:0] bias_data_i,
    output wire                          acc_valid_o,
    input  wire                          acc_ready_i,
    output wire [       N_OUT*ACC_W-1:0] acc_data_o
);

  localparam BEATS = N_IN / PER_BEAT;

  wire                          mac;                     // accumulate in this cycle:
  wire                          first;                   //   the first beat of a sample,
  wire [PER_BEAT*X_LANES*X_W-1:0] x;                     //   inputs,
  wire [PER_BEAT*N_OUT*W_W-1:0] w;                       //   voted words,
  wire [       N_OUT*ACC_W-1:0] bias;                    //   bias on the accumulator's grid, or 0
  reg                           done_q;                  // the sums are complete

  wire advance = !done_q || acc_ready_i;                 // they are not waiting for a taker

  assign x_ready_o     = advance;
  assign kernel_read_o = x_valid_i && advance;
  assign bias_read_o   = mac && first;
  assign acc_valid_o   = done_q;

  ns_requantize #(
      .N          (N_OUT),
      .FROM_W     (B_W),
      .FROM_F     (B_F),
      .FROM_SIGNED(B_SIGNED),
      .TO_W       (ACC_W),
      .TO_F       (ACC_F),
      .TO_SIGNED  (ACC_SIGNED),
      .ROUNDING   (ACC_ROUNDING),
      .OVERFLOW   (B_OVERFLOW)
  ) u_bias (
      .en_i  (first),
      .data_i(bias_data_i),
      .data_o(bias)
  );

  ns_mac #(
      .N_IN        (PER_BEAT),
      .N_OUT       (N_OUT),
      .X_LANES     (X_LANES),
      .X_W         (X_W),
      .X_SIGNED    (X_SIGNED),
      .W_W         (W_W),
      .W_SIGNED    (W_SIGNED),
      .PRODUCT_F   (X_F + W_F),
      .ACC_W       (ACC_W),
      .ACC_F       (ACC_F),
      .ACC_SIGNED  (ACC_SIGNED),
      .ACC_ROUNDING(ACC_ROUNDING),
      .ACC_OVERFLOW(ACC_OVERFLOW)
  ) u_mac (
      .aclk   (aclk),
      .en_i   (mac),
      .first_i(first),
      .bias_i (bias),
      .x_i    (x),
      .w_i    (w),
      .acc_o  (acc_data_o)
  );

  generate
    if (BEATS == 1) begin : gen_parallel
      wire unused_ok = &{1'b0, x_last_i, 1'b0};

      assign kernel_row_o = {ROW_W{1'b0}};
      assign mac          = kernel_read_o;
      assign first        = 1'b1;
      assign x            = x_data_i;
      assign w            = kernel_data_i;

      always @(posedge aclk) begin
        if (!aresetn) done_q <= 1'b0;
        else if (advance) done_q <= x_valid_i;
      end
    end else begin : gen_serial
      localparam LAST = BEATS - 1;

      reg [              ROW_W-1:0] row_q;               // beat that comes next
      reg [PER_BEAT*X_LANES*X_W-1:0] x_q;                // beat that came last: inputs,
      reg [ PER_BEAT*N_OUT*W_W-1:0] w_q;                 //   voted words,
      reg                           mac_q;               //   whether it waits to be accumulated,
      reg                           first_q, last_q;     //   its place in the sample

      wire last;

      // A counter that an upset carried beyond the last row reads the last row and starts afresh.
      if (BEATS == (1 << ROW_W)) begin : gen_every_row
        assign last         = row_q == LAST[ROW_W-1:0];
        assign kernel_row_o = row_q;
      end else begin : gen_some_rows
        assign last         = row_q >= LAST[ROW_W-1:0];
        assign kernel_row_o = last ? LAST[ROW_W-1:0] : row_q;
      end

      assign mac          = mac_q && advance;
      assign first        = first_q;
      assign x            = x_q;
      assign w            = w_q;

      always @(posedge aclk) begin
        if (!aresetn) begin
          row_q  <= {ROW_W{1'b0}};
          mac_q  <= 1'b0;
          done_q <= 1'b0;
        end else if (advance) begin
          if (x_valid_i) row_q <= (last || x_last_i) ? {ROW_W{1'b0}} : row_q + 1'b1;
          mac_q  <= x_valid_i;
          done_q <= mac_q && last_q;
        end
      end

      always @(posedge aclk) begin
        if (kernel_read_o) begin
          x_q     <= x_data_i;
          w_q     <= kernel_data_i;
          first_q <= row_q == {ROW_W{1'b0}};
          last_q  <= last;
        end
      end
    end
  endgenerate

endmodule
