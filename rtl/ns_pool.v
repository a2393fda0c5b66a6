// ns_pool: reduces COUNT pixels to one, channel by channel: the largest of them, or their mean.
//
//   largest  y = max(x)
//   mean     acc = 0;  for every pixel, in order:  acc = fit(acc + x);  y = acc / COUNT, truncated towards zero
//
// where fit() assigns to the accumulator's format (ns_requantize). Where the border cuts windows, result number p
// of an image of PLACES is divided by DIVISORS[WHICH[p]] instead: padding is not counted. The largest is left in the input's format: ACC_*
// then repeat X_*. PIXELS pixels come a beat, channel c of pixel p at [(p*N+c)*X_W +: X_W].
//
// Latency     1 cycle from the last beat to acc_valid_o.
// Interval    COUNT / PIXELS cycles.
// Handshakes  valid/ready; x_ready_o depends on acc_ready_i combinationally.
module ns_pool #(
    parameter N = 4,                                     // channels
    parameter COUNT = 4,                                 // pixels that become one
    parameter PIXELS = 1,                                // pixels a beat; divides COUNT
    parameter MEAN = 0,                                  // the mean, not the largest
    parameter PLACES = 1,                                // results of an image, if their divisors differ: one of
    parameter KINDS = 1,                                 //   so many,
    parameter [32*KINDS-1:0] DIVISORS = COUNT,           //   which are these,
    parameter PLACE_W = 1,                               //   bits of a number of a result,
    parameter KIND_W = 1,                                //   bits of a number of a divisor
    // verilator lint_off UNUSEDPARAM
    parameter [PLACES*KIND_W-1:0] WHICH = 0,             //   divisor of each result
    // verilator lint_on UNUSEDPARAM
    parameter COUNT_W = 2,                               // bits of a beat number
    parameter X_W = 8,                                   // input: bits,
    parameter X_F = 8,                                   //   fractional bits,
    parameter X_SIGNED = 0,                              //   two's complement
    parameter ACC_W = 8,                                 // accumulator: the same, and modes as in ns_requantize
    parameter ACC_F = 8,
    parameter ACC_SIGNED = 0,
    // verilator lint_off UNUSEDPARAM
    parameter [87:0] ACC_ROUNDING = "TRN",               // the largest needs neither
    parameter [63:0] ACC_OVERFLOW = "WRAP"
    // verilator lint_on UNUSEDPARAM
) (
    input  wire                    aclk,
    input  wire                    aresetn,
    input  wire                    x_valid_i,
    output wire                    x_ready_o,
    input  wire [PIXELS*N*X_W-1:0] x_data_i,
    output wire                    acc_valid_o,
    input  wire                    acc_ready_i,
    output wire [     N*ACC_W-1:0] acc_data_o
);

  localparam BEATS = COUNT / PIXELS;
  localparam LAST = BEATS - 1;

  reg  [    N*ACC_W-1:0] acc_q;
  reg                    done_q;                         // acc_q is complete
  wire [    N*ACC_W-1:0] step [0:PIXELS];                // acc_q after so many pixels of the beat
  wire                   first, last;

  wire advance = !done_q || acc_ready_i;
  wire take    = x_valid_i && advance;

  assign x_ready_o   = advance;
  assign acc_valid_o = done_q;
  assign step[0]     = acc_q;

  always @(posedge aclk) begin
    if (!aresetn) done_q <= 1'b0;
    else if (advance) done_q <= x_valid_i && last;
  end

  always @(posedge aclk) begin
    if (take) acc_q <= step[PIXELS];
  end

  // verilator lint_off UNUSEDSIGNAL
  wire [KIND_W-1:0] kind;                                // divisor of the result that is offered
  // verilator lint_on UNUSEDSIGNAL

  genvar p, c, k;

  generate
    if (BEATS == 1) begin : gen_whole
      assign first = 1'b1;
      assign last  = 1'b1;
    end else begin : gen_parts
      reg [COUNT_W-1:0] beat_q;                          // beat that comes next

      assign first = beat_q == {COUNT_W{1'b0}};
      assign last  = beat_q == LAST[COUNT_W-1:0];

      always @(posedge aclk) begin
        if (!aresetn) beat_q <= {COUNT_W{1'b0}};
        else if (take) beat_q <= last ? {COUNT_W{1'b0}} : beat_q + 1'b1;
      end
    end

    for (p = 0; p < PIXELS; p = p + 1) begin : gen_pixel
      wire [N*X_W-1:0] x = x_data_i[p*N*X_W+:N*X_W];
      wire fresh = first && p == 0;                      // nothing was accumulated yet

      if (MEAN != 0) begin : gen_sum
        // The sum on the finer of the two grids, exact.
        localparam GRID = (ACC_F > X_F) ? ACC_F : X_F;
        localparam WIDE = ((ACC_W > X_W) ? ACC_W : X_W) + 2 * GRID - ACC_F - X_F + 2;
        wire [N*WIDE-1:0] sum;

        for (c = 0; c < N; c = c + 1) begin : gen_channel
          wire signed [WIDE-1:0] a = fresh ? {WIDE{1'b0}} :
              {{WIDE - ACC_W{(ACC_SIGNED != 0) && step[p][c*ACC_W+ACC_W-1]}}, step[p][c*ACC_W+:ACC_W]};
          wire signed [WIDE-1:0] b =
              {{WIDE - X_W{(X_SIGNED != 0) && x[c*X_W+X_W-1]}}, x[c*X_W+:X_W]};

          assign sum[c*WIDE+:WIDE] = (a <<< GRID - ACC_F) + (b <<< GRID - X_F);
        end

        ns_requantize #(
            .N          (N),
            .FROM_W     (WIDE),
            .FROM_F     (GRID),
            .FROM_SIGNED(1),
            .TO_W       (ACC_W),
            .TO_F       (ACC_F),
            .TO_SIGNED  (ACC_SIGNED),
            .ROUNDING   (ACC_ROUNDING),
            .OVERFLOW   (ACC_OVERFLOW)
        ) u_fit (
            .en_i  (take),
            .data_i(sum),
            .data_o(step[p+1])
        );
      end else begin : gen_largest
        for (c = 0; c < N; c = c + 1) begin : gen_channel
          wire [X_W-1:0] a = step[p][c*X_W+:X_W];
          wire [X_W-1:0] b = x[c*X_W+:X_W];
          wire larger = (X_SIGNED != 0) ? $signed(b) > $signed(a) : b > a;

          assign step[p+1][c*X_W+:X_W] = (fresh || larger) ? b : a;
        end
      end
    end

    if (MEAN != 0 && PLACES > 1) begin : gen_places
      localparam [PLACE_W-1:0] LAST_PLACE = PLACES - 1;
      reg [PLACE_W-1:0] place_q;                         // result that comes next

      // verilator lint_off WIDTH
      assign kind = WHICH[place_q*KIND_W+:KIND_W];
      // verilator lint_on WIDTH

      always @(posedge aclk) begin
        if (!aresetn) place_q <= {PLACE_W{1'b0}};
        else if (done_q && acc_ready_i) place_q <= (place_q == LAST_PLACE) ? {PLACE_W{1'b0}} : place_q + 1'b1;
      end
    end else begin : gen_place
      assign kind = {KIND_W{1'b0}};
    end

    for (c = 0; c < N; c = c + 1) begin : gen_result
      if (MEAN != 0) begin : gen_mean
        localparam DIVIDED = ((ACC_W > 31) ? ACC_W : 31) + 1;
        wire [KINDS*ACC_W-1:0] means;
        // verilator lint_off UNUSEDSIGNAL
        wire signed [DIVIDED-1:0] sum =
            {{DIVIDED - ACC_W{(ACC_SIGNED != 0) && acc_q[c*ACC_W+ACC_W-1]}}, acc_q[c*ACC_W+:ACC_W]};
        // verilator lint_on UNUSEDSIGNAL

        for (k = 0; k < KINDS; k = k + 1) begin : gen_kind
          localparam signed [DIVIDED-1:0] DIVISOR = DIVISORS[32*k+:32];
          // verilator lint_off UNUSEDSIGNAL
          wire signed [DIVIDED-1:0] mean = sum / DIVISOR;  // Verilog truncates towards zero
          // verilator lint_on UNUSEDSIGNAL

          assign means[k*ACC_W+:ACC_W] = mean[ACC_W-1:0];
        end

        // verilator lint_off WIDTH
        assign acc_data_o[c*ACC_W+:ACC_W] = means >> kind * ACC_W;
        // verilator lint_on WIDTH
      end else begin : gen_copy
        assign acc_data_o[c*ACC_W+:ACC_W] = acc_q[c*ACC_W+:ACC_W];
      end
    end
  endgenerate

endmodule
