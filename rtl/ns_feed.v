// ns_feed: a vector register that hands out its elements, PER_BEAT at a time, element 0 first.
//
// Latency     1 cycle from an accepted vector to its first beat.
// Interval    N / PER_BEAT cycles: the next vector is accepted with the last beat.
// Handshakes  valid/ready on both sides; vec_ready_o depends on beat_ready_i combinationally.
module ns_feed #(
    parameter N = 64,                                    // elements of the vector
    parameter WIDTH = 16,                                // bits of an element
    parameter PER_BEAT = 1,                              // elements of a beat; divides N
    parameter COUNT_W = 6                                // bits of a beat number
) (
    input  wire                      aclk,
    input  wire                      aresetn,
    input  wire                      vec_valid_i,
    output wire                      vec_ready_o,
    input  wire [       N*WIDTH-1:0] vec_data_i,
    output wire                      beat_valid_o,
    input  wire                      beat_ready_i,
    output wire                      beat_last_o,
    output wire [PER_BEAT*WIDTH-1:0] beat_data_o
);

  localparam BEATS = N / PER_BEAT;
  localparam LAST = BEATS - 1;

  reg [N*WIDTH-1:0] data_q;
  reg               valid_q;

  wire load = vec_valid_i && vec_ready_o;
  wire next = valid_q && beat_ready_i;

  assign beat_valid_o = valid_q;
  assign beat_data_o  = data_q[PER_BEAT*WIDTH-1:0];
  assign vec_ready_o  = !valid_q || (beat_last_o && beat_ready_i);

  always @(posedge aclk) begin
    if (!aresetn) valid_q <= 1'b0;
    else if (vec_ready_o) valid_q <= vec_valid_i;
  end

  generate
    if (BEATS == 1) begin : gen_whole
      wire unused_ok = &{1'b0, next, 1'b0};

      assign beat_last_o = 1'b1;

      always @(posedge aclk) begin
        if (load) data_q <= vec_data_i;
      end
    end else begin : gen_parts
      reg [COUNT_W-1:0] beat_q;                          // beat that is on the wires

      assign beat_last_o = beat_q == LAST[COUNT_W-1:0];

      always @(posedge aclk) begin
        if (!aresetn) beat_q <= {COUNT_W{1'b0}};
        else if (next) beat_q <= beat_last_o ? {COUNT_W{1'b0}} : beat_q + 1'b1;
      end

      always @(posedge aclk) begin
        if (load) data_q <= vec_data_i;
        else if (next) data_q <= data_q >> PER_BEAT * WIDTH;
      end
    end
  endgenerate

endmodule
