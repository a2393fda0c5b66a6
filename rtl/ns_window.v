// ns_window: the patches of an image that a convolution or a pooling layer looks at, from a stream of pixels.
//
// Pixels arrive in raster order, all channels of one a beat, ROWS*COLS an image, and are kept in a ring of
// KEEP = (K_ROWS-1)*D_ROWS+1 rows. A patch is handed out as soon as its last pixel is there, kernel position by
// kernel position in raster order, BEAT_W bits a beat: a part of a pixel, a pixel, or whole kernel rows.
// A pixel is taken as soon as the place that it goes to is not needed any more. Outside the image is PAD.
//
// Latency     0 from the pixel that completes a patch (a cycle after it was taken) to the patch's first beat.
// Interval    beats of a patch; one cycle between two images.
// Handshakes  valid/ready on both sides; pixel_ready_o depends on registers alone. beat_last_o ends a patch.
module ns_window #(
    parameter ROWS = 8,                                  // image
    parameter COLS = 8,
    parameter K_ROWS = 3,                                // kernel,
    parameter K_COLS = 3,
    parameter S_ROWS = 1,                                //   its stride,
    parameter S_COLS = 1,
    parameter D_ROWS = 1,                                //   its dilation,
    parameter D_COLS = 1,
    parameter TOP = 0,                                   //   rows and columns of padding before the image,
    parameter LEFT = 0,
    parameter P_ROWS = 6,                                //   rows and columns of patches
    parameter P_COLS = 6,
    parameter PIXEL_W = 8,                               // bits of a pixel
    parameter BEAT_W = 8,                                // bits of a beat: divides PIXEL_W, or is a multiple of
                                                         //   K_COLS*PIXEL_W that divides the patch
    parameter [PIXEL_W-1:0] PAD = {PIXEL_W{1'b0}},       // a pixel outside the image
    parameter ROW_W = 5,                                 // bits of a signed row number, -TOP .. ROWS + 2*KEEP + S_ROWS
    parameter COL_W = 5,                                 // bits of a signed column number, likewise
    parameter SLOT_W = 2,                                // bits of a number below 2*KEEP
    parameter PART_W = 1                                 // bits of a part number
) (
    input  wire               aclk,
    input  wire               aresetn,
    input  wire               pixel_valid_i,
    output wire               pixel_ready_o,
    input  wire [PIXEL_W-1:0] pixel_data_i,
    output wire               beat_valid_o,
    input  wire               beat_ready_i,
    output wire               beat_last_o,
    output reg  [ BEAT_W-1:0] beat_data_o
);

  localparam KEEP = (K_ROWS - 1) * D_ROWS + 1;
  localparam SPAN = (K_COLS - 1) * D_COLS + 1;           // columns that a patch spans
  localparam BY_ROWS = BEAT_W >= K_COLS * PIXEL_W;       // a beat is whole kernel rows
  localparam PER_BEAT = BY_ROWS ? BEAT_W / (K_COLS * PIXEL_W) : 1;  // kernel rows of a beat
  localparam PARTS = BY_ROWS ? 1 : PIXEL_W / BEAT_W;     // beats of a pixel

  // The same numbers at the widths of the registers.
  // verilator lint_off WIDTH
  localparam signed [ ROW_W-1:0] ROW_LIMIT = ROWS;
  localparam signed [ ROW_W-1:0] ROW_FIRST = -TOP;
  localparam signed [ ROW_W-1:0] ROW_LAST = (P_ROWS - 1) * S_ROWS - TOP;
  localparam signed [ ROW_W-1:0] ROW_STEP = S_ROWS;
  localparam signed [ ROW_W-1:0] ROW_SPAN = KEEP;
  localparam signed [ ROW_W-1:0] ROW_ONE = 1;
  localparam signed [ ROW_W-1:0] DOWN_STEP = PER_BEAT * D_ROWS;
  localparam signed [ ROW_W-1:0] DOWN_LAST = KEEP - 1 - (PER_BEAT - 1) * D_ROWS;
  localparam signed [ COL_W-1:0] COL_LIMIT = COLS;
  localparam signed [ COL_W-1:0] COL_FIRST = -LEFT;
  localparam signed [ COL_W-1:0] COL_LAST = (P_COLS - 1) * S_COLS - LEFT;
  localparam signed [ COL_W-1:0] COL_STEP = S_COLS;
  localparam signed [ COL_W-1:0] COL_SPAN = SPAN;
  localparam signed [ COL_W-1:0] COL_ONE = 1;
  localparam signed [ COL_W-1:0] RIGHT_STEP = D_COLS;
  localparam        [SLOT_W-1:0] SLOTS = KEEP;
  localparam        [SLOT_W-1:0] SLOT_FIRST = (KEEP - TOP % KEEP) % KEEP;  // of row -TOP
  localparam        [SLOT_W-1:0] SLOT_STEP = S_ROWS % KEEP;
  localparam        [SLOT_W-1:0] SLOT_ONE = 1;
  localparam        [PART_W-1:0] PART_LAST = PARTS - 1;
  localparam        [PART_W-1:0] PART_ONE = 1;
  // verilator lint_on WIDTH

  reg         [PIXEL_W-1:0] mem_q [0:KEEP*COLS-1];       // row r of the image is in slot r % KEEP

  // The pixel that comes next.
  reg signed  [  ROW_W-1:0] row_q;
  reg signed  [  COL_W-1:0] col_q;
  reg         [ SLOT_W-1:0] slot_q;

  // The patch that is handed out: its first row and column, and where the beat is in it.
  reg signed  [  ROW_W-1:0] first_row_q;
  reg signed  [  COL_W-1:0] first_col_q;
  reg         [ SLOT_W-1:0] first_slot_q;
  reg signed  [  ROW_W-1:0] down_q;                      // rows below first_row_q
  reg signed  [  COL_W-1:0] right_q;                     // columns right of first_col_q
  reg         [ PART_W-1:0] part_q;
  reg                       done_q;                      // all patches of this image are out

  function [SLOT_W-1:0] wrapped;                         // a slot number below 2*KEEP
    input [SLOT_W-1:0] slot;
    begin
      wrapped = (slot >= SLOTS) ? slot - SLOTS : slot;
    end
  endfunction

  // --- pixels in --------------------------------------------------------------------------------

  wire                    received = row_q == ROW_LIMIT;
  wire                    restart  = received && done_q;
  wire signed [ROW_W-1:0] ring_row = first_row_q + ROW_SPAN;  // shares its slot with first_row_q
  wire                    place    = done_q || row_q < ROW_SPAN || row_q < ring_row ||
                                     (row_q == ring_row && col_q < first_col_q);
  wire                    take     = pixel_valid_i && pixel_ready_o;
  wire                    end_row  = col_q == COL_LIMIT - COL_ONE;

  assign pixel_ready_o = !received && place;

  always @(posedge aclk) begin
    if (!aresetn || restart) begin
      row_q  <= {ROW_W{1'b0}};
      col_q  <= {COL_W{1'b0}};
      slot_q <= {SLOT_W{1'b0}};
    end else if (take) begin
      col_q <= end_row ? {COL_W{1'b0}} : col_q + COL_ONE;
      if (end_row) begin
        row_q  <= row_q + ROW_ONE;
        slot_q <= wrapped(slot_q + SLOT_ONE);
      end
    end
  end

  // verilator lint_off WIDTH
  always @(posedge aclk) begin
    if (take) mem_q[slot_q*COLS+col_q] <= pixel_data_i;
  end
  // verilator lint_on WIDTH

  // --- patches out ------------------------------------------------------------------------------

  wire signed [ROW_W-1:0] below = first_row_q + ROW_SPAN - ROW_ONE;
  wire signed [COL_W-1:0] beside = first_col_q + COL_SPAN - COL_ONE;
  wire signed [ROW_W-1:0] newest_row = (below < ROW_LIMIT) ? below : ROW_LIMIT - ROW_ONE;
  wire signed [COL_W-1:0] newest_col = (beside < COL_LIMIT) ? beside : COL_LIMIT - COL_ONE;
  wire next = beat_valid_o && beat_ready_i;
  wire end_of_pixel = part_q == PART_LAST;
  wire end_of_columns = BY_ROWS || (end_of_pixel && right_q == COL_SPAN - COL_ONE);
  wire end_of_line = first_col_q == COL_LAST;            // of patches

  // Padding alone does not start an image: before the first pixel the stores may not even be loaded.
  wire started = row_q != {ROW_W{1'b0}} || col_q != {COL_W{1'b0}};

  assign beat_valid_o = !done_q && started && (row_q > newest_row || (row_q == newest_row && col_q > newest_col));
  assign beat_last_o  = end_of_columns && down_q == DOWN_LAST;

  always @(posedge aclk) begin
    if (!aresetn || restart) begin
      first_row_q  <= ROW_FIRST;
      first_col_q  <= COL_FIRST;
      first_slot_q <= SLOT_FIRST;
      down_q       <= {ROW_W{1'b0}};
      right_q      <= {COL_W{1'b0}};
      part_q       <= {PART_W{1'b0}};
      done_q       <= 1'b0;
    end else if (next) begin
      part_q <= (BY_ROWS || end_of_pixel) ? {PART_W{1'b0}} : part_q + PART_ONE;
      if (BY_ROWS || end_of_pixel) right_q <= end_of_columns ? {COL_W{1'b0}} : right_q + RIGHT_STEP;
      if (end_of_columns) down_q <= beat_last_o ? {ROW_W{1'b0}} : down_q + DOWN_STEP;
      if (beat_last_o) begin
        first_col_q <= end_of_line ? COL_FIRST : first_col_q + COL_STEP;
        if (end_of_line) begin
          first_row_q  <= first_row_q + ROW_STEP;
          first_slot_q <= wrapped(first_slot_q + SLOT_STEP);
          done_q       <= first_row_q == ROW_LAST;
        end
      end
    end
  end

  // The places of the beat, first to last; reg and integer are temporaries.
  reg signed [  ROW_W-1:0] row;
  reg signed [  COL_W-1:0] col;
  reg        [ SLOT_W-1:0] slot;
  reg        [PIXEL_W-1:0] pixel;
  integer i, k;

  // verilator lint_off WIDTH
  always @* begin
    beat_data_o = {BEAT_W{1'b0}};
    for (i = 0; i < PER_BEAT; i = i + 1) begin
      row  = first_row_q + down_q + i * D_ROWS;
      slot = wrapped(first_slot_q + down_q + i * D_ROWS);
      for (k = 0; k < (BY_ROWS ? K_COLS : 1); k = k + 1) begin
        col   = first_col_q + right_q + k * D_COLS;
        pixel = (row >= 0 && row < ROWS && col >= 0 && col < COLS) ? mem_q[slot*COLS+col] : PAD;
        if (BY_ROWS) beat_data_o[(i*K_COLS+k)*(BY_ROWS?PIXEL_W:1)+:(BY_ROWS?PIXEL_W:1)] = pixel;
        else beat_data_o = pixel >> part_q * BEAT_W;
      end
    end
  end
  // verilator lint_on WIDTH

endmodule
