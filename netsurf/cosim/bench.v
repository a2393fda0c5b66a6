// netsurf_bench: the accelerator under test, one level down.
//
// A deposit on a register that is a port of the simulated root is lost in Verilator, so nothing of the
// accelerator is at the root here. The streams and the configuration port are led through for a test
// bench that drives them itself (cocotbext-axi). Because a call into Python costs more than a clock
// cycle of the design, the bench can also play by itself: it loads the store from a file, and sends one
// sample of a file for every change of go_i; Python wakes up for deposits and results alone.
//
//   +writes=FILE   hexadecimal, WRITES lines of {address, data}; played when load_i is high
//   +frames=FILE   hexadecimal, SAMPLES * BEATS lines, one beat of s_axis_tdata each
//
// A played inference: error flags are cleared for one cycle, then the beats follow without a pause.
// Cycle 0 is the one in which the first is accepted. alarm_o rises in the middle of cycle alarm_i,
// before the rising edge that ends it. done_o rises when the outputs are in result_o, decision_o and
// errors_o, the cycle of m_axis_tvalid in latency_o, and the last beat is accepted, which may be later: a
// window need not look at the last pixels.
module netsurf_bench #(
    parameter TDATA_W = 8,
    parameter RESULT_W = 8,
    parameter DECISION_W = 1,
    parameter ERRORS_W = 1,
    parameter BEATS = 1,
    parameter SAMPLES = 1,
    parameter WRITES = 1
) (
    input  wire                  aclk,
    input  wire                  aresetn,
    input  wire                  s_axis_tvalid,
    output wire                  s_axis_tready,
    input  wire [   TDATA_W-1:0] s_axis_tdata,
    input  wire                  s_axis_tlast,
    output wire                  m_axis_tvalid,
    input  wire                  m_axis_tready,
    output wire [  RESULT_W-1:0] m_axis_tdata,
    output wire                  m_axis_tlast,
    output wire [DECISION_W-1:0] m_axis_tuser,
    input  wire                  cfg_we_i,
    input  wire [          31:0] cfg_addr_i,
    input  wire [          31:0] cfg_data_i,
    input  wire                  tmr_clear_i,
    output wire [  ERRORS_W-1:0] tmr_error_o,
    input  wire                  load_i,
    output wire                  loaded_o,
    input  wire                  go_i,
    input  wire [          31:0] sample_i,
    input  wire [          31:0] alarm_i,
    output reg                   alarm_o,
    output reg                   done_o,
    output reg  [  RESULT_W-1:0] result_o,
    output reg  [DECISION_W-1:0] decision_o,
    output reg  [  ERRORS_W-1:0] errors_o,
    output reg  [          31:0] latency_o
);

  reg [63:0] writes [0:WRITES-1];
  reg [TDATA_W-1:0] frames [0:SAMPLES*BEATS-1];
  reg [1023:0] writes_file, frames_file;

  initial begin
    if ($value$plusargs("writes=%s", writes_file)) $readmemh(writes_file, writes);
    if ($value$plusargs("frames=%s", frames_file)) $readmemh(frames_file, frames);
  end

  // Configuration port
  reg [31:0] write_q;
  wire loading = load_i && !loaded_o;

  assign loaded_o = write_q == WRITES;

  always @(posedge aclk) begin
    if (!aresetn) write_q <= 0;
    else if (loading) write_q <= write_q + 1;
  end

  // One inference
  reg gone_q;                                            // go_i as it was when the last one began
  reg busy_q, sending_q, started_q, answered_q;
  reg [31:0] beat_q, cycle_q;

  wire clear = aresetn && go_i != gone_q && !busy_q;
  wire accepted = sending_q && s_axis_tready;
  wire last = accepted && beat_q == BEATS - 1;
  wire running = started_q || accepted;

  always @(posedge aclk) begin
    if (!aresetn) begin
      gone_q     <= 1'b0;
      busy_q     <= 1'b0;
      sending_q  <= 1'b0;
      started_q  <= 1'b0;
      answered_q <= 1'b0;
      done_o     <= 1'b0;
    end else if (clear) begin
      gone_q    <= go_i;
      busy_q    <= 1'b1;
      sending_q <= 1'b1;
      beat_q    <= 0;
      cycle_q   <= 0;
      done_o     <= 1'b0;
    end else if (busy_q) begin
      if (accepted) begin
        beat_q    <= beat_q + 1;
        sending_q <= !last;
      end
      started_q <= running;
      if (running) cycle_q <= cycle_q + 1;
      if (m_axis_tvalid) begin
        answered_q <= 1'b1;
        result_o   <= m_axis_tdata;
        decision_o <= m_axis_tuser;
        errors_o   <= tmr_error_o;
        latency_o  <= cycle_q;
      end
      if ((m_axis_tvalid || answered_q) && (!sending_q || last)) begin
        busy_q     <= 1'b0;
        started_q  <= 1'b0;
        answered_q <= 1'b0;
        done_o     <= 1'b1;
      end
    end
  end

  initial alarm_o = 1'b0;
  always @(negedge aclk) alarm_o <= busy_q && running && cycle_q == alarm_i;

  `NETSURF_TOP dut (
      .aclk         (aclk),
      .aresetn      (aresetn),
      .s_axis_tvalid(busy_q ? sending_q : s_axis_tvalid),
      .s_axis_tready(s_axis_tready),
      .s_axis_tdata (busy_q ? frames[sample_i * BEATS + beat_q] : s_axis_tdata),
      .s_axis_tlast (busy_q ? beat_q == BEATS - 1 : s_axis_tlast),
      .m_axis_tvalid(m_axis_tvalid),
      .m_axis_tready(busy_q || m_axis_tready),
      .m_axis_tdata (m_axis_tdata),
      .m_axis_tlast (m_axis_tlast),
      .m_axis_tuser (m_axis_tuser),
      .cfg_we_i     (loading || cfg_we_i),
      .cfg_addr_i   (loading ? writes[write_q][63:32] : cfg_addr_i),
      .cfg_data_i   (loading ? writes[write_q][31:0] : cfg_data_i),
      .tmr_clear_i  (clear || tmr_clear_i),
      .tmr_error_o  (tmr_error_o)
  );

endmodule
