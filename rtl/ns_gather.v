// ns_gather: a vector register that collects the beats of a vector, the first beat at the low end.
//
// Latency     1 cycle from the last accepted beat to vec_valid_o.
// Interval    BEATS cycles: the first beat of the next vector is accepted with the vector.
// Handshakes  valid/ready on both sides; beat_ready_o depends on vec_ready_i combinationally.
module ns_gather #(
    parameter BEATS = 4,                                 // beats of a vector, 2 or more
    parameter BEAT_W = 8,                                // bits of a beat
    parameter COUNT_W = 2                                // bits of a beat number
) (
    input  wire                    aclk,
    input  wire                    aresetn,
    input  wire                    beat_valid_i,
    output wire                    beat_ready_o,
    input  wire [      BEAT_W-1:0] beat_data_i,
    output wire                    vec_valid_o,
    input  wire                    vec_ready_i,
    output wire [BEATS*BEAT_W-1:0] vec_data_o
);

  localparam LAST = BEATS - 1;

  reg [BEATS*BEAT_W-1:0] data_q;
  reg [     COUNT_W-1:0] beat_q;                         // beat that comes next
  reg                    valid_q;

  wire take = beat_valid_i && beat_ready_o;
  wire last = beat_q == LAST[COUNT_W-1:0];

  assign beat_ready_o = !valid_q || vec_ready_i;
  assign vec_valid_o  = valid_q;
  assign vec_data_o   = data_q;

  always @(posedge aclk) begin
    if (!aresetn) begin
      beat_q  <= {COUNT_W{1'b0}};
      valid_q <= 1'b0;
    end else begin
      if (take) beat_q <= last ? {COUNT_W{1'b0}} : beat_q + 1'b1;
      if (beat_ready_o) valid_q <= take && last;
    end
  end

  always @(posedge aclk) begin
    if (take) data_q <= {beat_data_i, data_q[BEATS*BEAT_W-1:BEAT_W]};
  end

endmodule
