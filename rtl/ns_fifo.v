// ns_fifo: DEPTH beats between two branches of a graph that meet again.
//
// Latency     1 cycle.
// Handshakes  valid/ready on both sides; in_ready_o depends on registers alone, so a loop of branches
//             that holds one is not a combinational loop.
module ns_fifo #(
    parameter DEPTH = 4,                                 // beats
    parameter WIDTH = 8,                                 // bits of a beat
    parameter PLACE_W = 2,                               // bits of a place number,
    parameter COUNT_W = 3                                //   of a number of beats
) (
    input  wire             aclk,
    input  wire             aresetn,
    input  wire             in_valid_i,
    output wire             in_ready_o,
    input  wire [WIDTH-1:0] in_data_i,
    output wire             out_valid_o,
    input  wire             out_ready_i,
    output wire [WIDTH-1:0] out_data_o
);

  localparam LAST = DEPTH - 1;

  reg [  WIDTH-1:0] mem_q [0:DEPTH-1];
  reg [PLACE_W-1:0] head_q, tail_q;                      // place that is read, place that is written
  reg [COUNT_W-1:0] count_q;

  wire put = in_valid_i && in_ready_o;
  wire get = out_valid_o && out_ready_i;

  assign in_ready_o  = count_q != DEPTH[COUNT_W-1:0];
  assign out_valid_o = count_q != {COUNT_W{1'b0}};
  assign out_data_o  = mem_q[head_q];

  always @(posedge aclk) begin
    if (!aresetn) begin
      head_q  <= {PLACE_W{1'b0}};
      tail_q  <= {PLACE_W{1'b0}};
      count_q <= {COUNT_W{1'b0}};
    end else begin
      if (put) tail_q <= (tail_q == LAST[PLACE_W-1:0]) ? {PLACE_W{1'b0}} : tail_q + 1'b1;
      if (get) head_q <= (head_q == LAST[PLACE_W-1:0]) ? {PLACE_W{1'b0}} : head_q + 1'b1;
      if (put && !get) count_q <= count_q + 1'b1;
      else if (get && !put) count_q <= count_q - 1'b1;
    end
  end

  always @(posedge aclk) begin
    if (put) mem_q[tail_q] <= in_data_i;
  end

endmodule
