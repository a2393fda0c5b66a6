// ns_row_mask: a constant bit mask of the row that is read.
//
// One constant if all rows are alike, a look-up (ns_mask) if not. Columns that no row or every row has are
// constant either way, so that what hangs on them folds.
//
// Latency  0.
module ns_row_mask #(
    parameter ROWS = 16,                                 // rows
    parameter WIDTH = 24,                                // bits of a row
    parameter [ROWS*WIDTH-1:0] MASK = {ROWS{{WIDTH{1'b0}}}},  // row r is MASK[r*WIDTH +: WIDTH]
    parameter ROW_W = 4                                  // bits of a row number
) (
    input  wire [ROW_W-1:0] row_i,
    output wire [WIDTH-1:0] mask_o
);

  localparam UNIFORM = (MASK == {ROWS{MASK[WIDTH-1:0]}});

  // Columns that every row (every = 1) or some row (every = 0) has.
  function [WIDTH-1:0] columns;
    input every;
    integer r;
    begin
      columns = MASK[WIDTH-1:0];
      for (r = 1; r < ROWS; r = r + 1) begin
        if (every) columns = columns & MASK[r*WIDTH+:WIDTH];
        else columns = columns | MASK[r*WIDTH+:WIDTH];
      end
    end
  endfunction

  generate
    if (UNIFORM) begin : gen_constant
      wire unused_ok = &{1'b0, row_i, 1'b0};

      assign mask_o = MASK[WIDTH-1:0];
    end else begin : gen_looked_up
      localparam [WIDTH-1:0] SOME = columns(1'b0);
      localparam [WIDTH-1:0] EVERY = columns(1'b1);
      wire [WIDTH-1:0] looked_up;

      ns_mask #(
          .ROWS (ROWS),
          .WIDTH(WIDTH),
          .MASK (MASK),
          .ROW_W(ROW_W)
      ) u_mask (
          .row_i (row_i),
          .mask_o(looked_up)
      );

      assign mask_o = (looked_up & SOME) | EVERY;
    end
  endgenerate

endmodule
