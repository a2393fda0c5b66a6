// ns_count: a counter from 0 to N-1 that starts afresh; a constant if N = 1.
//
// An upset that carries it beyond N-1 reads as N-1: the next step starts afresh.
module ns_count #(
    parameter N = 4,                                     // values
    parameter W = 2                                      // bits of a value
) (
    input  wire         aclk,
    input  wire         aresetn,
    input  wire         en_i,
    output wire [W-1:0] value_o,
    output wire         last_o
);

  localparam LAST = N - 1;

  generate
    if (N == 1) begin : gen_one
      wire unused_ok = &{1'b0, aclk, aresetn, en_i, 1'b0};

      assign value_o = {W{1'b0}};
      assign last_o  = 1'b1;
    end else begin : gen_count
      reg [W-1:0] value_q;

      assign value_o = last_o ? LAST[W-1:0] : value_q;

      if (N == (1 << W)) begin : gen_every_value
        assign last_o = value_q == LAST[W-1:0];
      end else begin : gen_some_values
        assign last_o = value_q >= LAST[W-1:0];
      end

      always @(posedge aclk) begin
        if (!aresetn) value_q <= {W{1'b0}};
        else if (en_i) value_q <= last_o ? {W{1'b0}} : value_q + 1'b1;
      end
    end
  endgenerate

endmodule
