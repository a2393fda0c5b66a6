// ns_upsample: every pixel of an image U_COLS times, every row U_ROWS times; with ZEROS all copies but the first
// of a pixel are zero.
//
// A row is kept while it is repeated.
//
// Latency     1 cycle from a pixel to its first copy.
// Interval    U_ROWS*U_COLS cycles a pixel, and one more a row.
// Handshakes  valid/ready on both sides; pixel_ready_o depends on registers alone.
module ns_upsample #(
    parameter COLS = 4,                                  // pixels of a row
    parameter U_ROWS = 2,                                // copies of a row,
    parameter U_COLS = 2,                                //   of a pixel
    parameter ZEROS = 0,
    parameter PIXEL_W = 8,                               // bits of a pixel
    parameter COL_W = 3,                                 // bits of a number up to COLS
    parameter U_ROW_W = 1,                               // bits of a copy number
    parameter U_COL_W = 1
) (
    input  wire               aclk,
    input  wire               aresetn,
    input  wire               pixel_valid_i,
    output wire               pixel_ready_o,
    input  wire [PIXEL_W-1:0] pixel_data_i,
    output wire               beat_valid_o,
    input  wire               beat_ready_i,
    output wire [PIXEL_W-1:0] beat_data_o
);

  localparam U_ROW_LAST = U_ROWS - 1;
  localparam U_COL_LAST = U_COLS - 1;

  reg [PIXEL_W-1:0] mem_q [0:COLS-1];
  reg [  COL_W-1:0] taken_q;                             // pixels of the row that are here
  reg [  COL_W-1:0] col_q;                               // pixel that is handed out
  reg [U_ROW_W-1:0] row_copy_q;
  reg [U_COL_W-1:0] copy_q;

  wire take     = pixel_valid_i && pixel_ready_o;
  wire give     = beat_valid_o && beat_ready_i;
  wire end_copy = copy_q == U_COL_LAST[U_COL_W-1:0];
  wire end_row  = end_copy && col_q == COLS[COL_W-1:0] - 1'b1;
  wire end_all  = end_row && row_copy_q == U_ROW_LAST[U_ROW_W-1:0];

  assign pixel_ready_o = taken_q != COLS[COL_W-1:0];
  assign beat_valid_o  = col_q < taken_q;
  // verilator lint_off WIDTH
  assign beat_data_o   = (ZEROS != 0 && (row_copy_q != 0 || copy_q != 0)) ? 0 : mem_q[col_q];
  // verilator lint_on WIDTH

  always @(posedge aclk) begin
    if (!aresetn) begin
      taken_q    <= {COL_W{1'b0}};
      col_q      <= {COL_W{1'b0}};
      row_copy_q <= {U_ROW_W{1'b0}};
      copy_q     <= {U_COL_W{1'b0}};
    end else begin
      if (give && end_all) taken_q <= {COL_W{1'b0}};
      else if (take) taken_q <= taken_q + 1'b1;
      if (give) begin
        copy_q <= end_copy ? {U_COL_W{1'b0}} : copy_q + 1'b1;
        if (end_copy) col_q <= end_row ? {COL_W{1'b0}} : col_q + 1'b1;
        if (end_row) row_copy_q <= end_all ? {U_ROW_W{1'b0}} : row_copy_q + 1'b1;
      end
    end
  end

  // verilator lint_off WIDTH
  always @(posedge aclk) begin
    if (take) mem_q[taken_q] <= pixel_data_i;
  end
  // verilator lint_on WIDTH

endmodule
