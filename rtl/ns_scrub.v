// ns_scrub: the walk of a scrubber over the words of a store.
//
// In every PERIOD-th cycle tick_o is high and word_o is to be refreshed; then it is the next word's turn,
// and after the last word the first one's again. While hold_i is high nothing moves.
//
// Latency  After reset the first tick is in the PERIOD-th cycle without hold.
// Source   the self-refreshing voter of triplicated registers with feedback (S. Kulis, "Single Event Effects
//          mitigation with TMRG tool", JINST 12 C01082, 2017), taken a word at a time as memory scrubbers do
//          (A. Saleh, J. Serrano, J. Patel, "Reliability of scrubbing recovery-techniques for memory systems",
//          IEEE Transactions on Reliability 39(1), 1990).
module ns_scrub #(
    parameter WORDS = 16,                                // words of the store
    parameter PERIOD = 1024,                             // cycles from one word to the next
    parameter WORD_W = 4,                                // bits of a word number
    parameter COUNT_W = 10                               // bits of a number below PERIOD
) (
    input  wire              aclk,
    input  wire              aresetn,
    input  wire              hold_i,
    output wire              tick_o,
    output wire [WORD_W-1:0] word_o
);

  localparam LAST_COUNT = PERIOD - 1;
  localparam LAST_WORD = WORDS - 1;

  generate
    if (PERIOD == 1) begin : gen_always
      assign tick_o = !hold_i;
    end else begin : gen_count
      reg [COUNT_W-1:0] count_q;

      assign tick_o = !hold_i && count_q == LAST_COUNT[COUNT_W-1:0];

      always @(posedge aclk) begin
        if (!aresetn) count_q <= {COUNT_W{1'b0}};
        else if (!hold_i) count_q <= tick_o ? {COUNT_W{1'b0}} : count_q + 1'b1;
      end
    end

    if (WORDS == 1) begin : gen_stay
      wire unused_ok = &{1'b0, aclk, aresetn, 1'b0};

      assign word_o = {WORD_W{1'b0}};
    end else begin : gen_walk
      reg [WORD_W-1:0] word_q;

      assign word_o = word_q;

      always @(posedge aclk) begin
        if (!aresetn) word_q <= {WORD_W{1'b0}};
        else if (tick_o) word_q <= (word_q == LAST_WORD[WORD_W-1:0]) ? {WORD_W{1'b0}} : word_q + 1'b1;
      end
    end
  endgenerate

endmodule
