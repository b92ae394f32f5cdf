// SPDX-License-Identifier: Apache-2.0
//
// Multi-threshold of every lane: y = level[number of the Thresholds thresholds that x reaches].
// Beat:  Lanes elements, element 0 at the LSB.  Rows > 1: beats come in turns of Rows, beat r uses row r.
// Parallel = 1: all comparisons at once.  Latency: 2 cycles (compare, level).
// Parallel = 0: binary search, one of Levels = ceil(log2(Thresholds + 1)) comparisons a stage.
//               Latency: Levels + 1 cycles (read and compare in turn, level).
// Apart = 1: a search reads in one cycle and compares in the next, as the trees of many rows need that stand in LUTs.
//            Latency: 2 * Levels + 1 cycles.
// Throughput: 1 beat/cycle.  Flow: see r4_gate.
//
// Thresholds ascend, are TWidth bits wide and signed as x is. Lane n reads column n of a word (Shared = 1: every lane
// column 0); InitFile holds
//   Parallel = 1: word r, bits [t * TWidth +: TWidth] of a column: threshold t of row r.
//   Parallel = 0: the search tree, a threshold a column: word r * 2**Levels + node; node 1 is the root, 2 * n and
//                 2 * n + 1 are below node n, node 0 is not read, nodes beyond the last threshold are never reached.
// Block = 1 (Levels >= 3): the two lowest levels of the tree, three quarters of it, are read from block RAM with the
//               whole tree in BlockFile, the upper ones from InitFile in LUTs (word r * 2**(Levels - 2) + node).
// LevelKind 0: level i is Base + Step * i
//           1: the same, or Base + Step * (Thresholds - i) where DirectionFile's word r, bit n is set (lane n)
//           2: LevelFile's word i                       (columns as above by LevelShared, YWidth bits each)
//           3: LevelFile's word r * 2**Levels + i

module r4_threshold #(
  parameter int unsigned        Lanes         = 1,
  parameter int unsigned        Rows          = 1,
  parameter bit                 Shared        = 1'b1,
  parameter int unsigned        XWidth        = 8,
  parameter bit                 XSigned       = 1'b1,
  parameter int unsigned        Thresholds    = 3,
  parameter int unsigned        TWidth        = 8,
  parameter bit                 Parallel      = 1'b0,
  parameter bit                 Apart         = 1'b0,
  parameter bit                 Block         = 1'b0,
  parameter int unsigned        Flow          = 0,
  parameter int unsigned        LevelKind     = 0,
  parameter bit                 LevelShared   = 1'b1,
  parameter logic signed [63:0] Base          = 64'sd0,
  parameter logic signed [63:0] Step          = 64'sd1,
  parameter int unsigned        YWidth        = 2,
  parameter                     InitFile      = "",
  parameter                     BlockFile     = "",
  parameter                     DirectionFile = "",
  parameter                     LevelFile     = ""
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic                    x_valid_i,
  output logic                    x_ready_o,
  input  logic [Lanes*XWidth-1:0] x_data_i,

  output logic                    y_valid_o,
  input  logic                    y_ready_i,
  output logic [Lanes*YWidth-1:0] y_data_o
);

  localparam int unsigned Levels = Thresholds > 0 ? $clog2(Thresholds + 1) : 1;
  localparam int unsigned Cycles = Apart ? 2 : 1;                   // of a comparison
  localparam int unsigned Stages = Parallel ? 1 : Levels * Cycles;  // registers before the level's

  if (Lanes == 0 || Rows == 0 || Thresholds == 0) begin : gen_check_size
    $fatal(1, "r4_threshold: Lanes (%0d), Rows (%0d) and Thresholds (%0d) must be at least 1",
           Lanes, Rows, Thresholds);
  end
  if (TWidth < XWidth) begin : gen_check_width
    $fatal(1, "r4_threshold: TWidth (%0d) must be at least XWidth (%0d)", TWidth, XWidth);
  end
  if (LevelKind > 3) begin : gen_check_kind
    $fatal(1, "r4_threshold: LevelKind (%0d) must be 0 to 3", LevelKind);
  end
  if (Block && (Parallel || Levels < 3)) begin : gen_check_block
    $fatal(1, "r4_threshold: Block needs a search (Parallel %0d) of at least 3 Levels (%0d)", Parallel, Levels);
  end

  // -- control: valid and row travel beside the data ---------------------------------------------------------
  localparam int unsigned RowWidth = Rows > 1 ? $clog2(Rows) : 1;

  logic en, take;
  logic [Stages-1:0] valid_q;
  logic [(Stages+1)*RowWidth-1:0] row;  // of the input, and behind every stage
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(take)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q   <= '0;
      y_valid_o <= 1'b0;
    end else if (en) begin
      valid_q   <= Stages'({valid_q, take});
      y_valid_o <= valid_q[Stages-1];
    end
  end

  if (Rows > 1) begin : gen_row
    logic [RowWidth-1:0] count_q;
    logic [Stages*RowWidth-1:0] row_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni)              count_q <= '0;
      else if (take) count_q <= count_q == RowWidth'(Rows - 1) ? '0 : count_q + 1'b1;
    end
    always_ff @(posedge clk_i) begin
      if (en) row_q <= row[Stages*RowWidth-1:0];
    end
    assign row = {row_q, count_q};
  end else begin : gen_one_row
    assign row = '0;
  end

  // -- index: how many thresholds x reaches -------------------------------------------------------------------
  logic [Lanes*Levels-1:0] index;
  if (Parallel) begin : gen_parallel
    localparam int unsigned Columns = Shared ? 1 : Lanes;
    logic [Columns*Thresholds*TWidth-1:0] word;
    r4_rom #(
      .Width(Columns * Thresholds * TWidth),
      .Depth(Rows),
      .InitFile(InitFile)
    ) u_thresholds (
      .clk_i,
      .rst_ni,
      .step_i(take),
      .word_o(word)
    );
    for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
      logic [Thresholds-1:0] reached_d, reached_q;
      logic [TWidth-1:0] x;
      if (XSigned) begin : gen_signed
        assign x = TWidth'(signed'(x_data_i[i*XWidth+:XWidth]));
      end else begin : gen_unsigned
        assign x = TWidth'(x_data_i[i*XWidth+:XWidth]);
      end
      for (genvar t = 0; t < int'(Thresholds); t++) begin : gen_compare
        logic [TWidth-1:0] threshold;
        assign threshold = word[((Shared?0:i)*Thresholds+t)*TWidth+:TWidth];
        if (XSigned) begin : gen_signed
          assign reached_d[t] = signed'(x) >= signed'(threshold);
        end else begin : gen_unsigned
          assign reached_d[t] = x >= threshold;
        end
      end
      always_ff @(posedge clk_i) begin
        if (en) reached_q <= reached_d;
      end
      logic [Levels-1:0] count;
      always_comb begin
        count = '0;
        for (int t = 0; t < int'(Thresholds); t++) count += Levels'(reached_q[t]);
      end
      assign index[i*Levels+:Levels] = count;
    end
  end else begin : gen_search
    localparam int unsigned Upper     = Block ? Levels - 2 : Levels;  // levels of the tree in LUTs
    localparam int unsigned AddrWidth = $clog2(Rows << Upper);
    localparam int unsigned BlockAddr = $clog2(Rows << Levels);

    for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
      logic [Levels*TWidth-1:0] word;     // of every stage
      logic [Upper*AddrWidth-1:0] addr;   // of every upper stage
      r4_lookup #(
        .Width    (TWidth),
        .Columns  (Shared ? 1 : Lanes),
        .Column   (Shared ? 0 : i),
        .Depth    (Rows << Upper),
        .Ports    (Upper),
        .AddrWidth(AddrWidth),
        .Sparse   (1'b1),
        .InitFile (InitFile)
      ) u_upper (
        .clk_i,
        .en_i  (en),
        .addr_i(addr),
        .word_o(word[Upper*TWidth-1:0])
      );

      for (genvar s = 0; s < int'(Levels); s++) begin : gen_stage
        // node: where the search stands; x_q stands beside the threshold that is read for it, passed beside the answers.
        logic [s:0] node, found, answers;
        logic [XWidth-1:0] x, x_q, passed;
        logic reached;
        if (s == 0) begin : gen_root
          assign node    = 1'b1;
          assign x       = x_data_i[i*XWidth+:XWidth];
          assign found   = reached;
        end else begin : gen_below
          logic [s-1:0] answers_q;
          always_ff @(posedge clk_i) begin
            if (en) answers_q <= gen_stage[s-1].answers;
          end
          assign node    = {1'b1, gen_stage[s-1].answers};
          assign x       = gen_stage[s-1].passed;
          assign found   = {answers_q, reached};
        end
        always_ff @(posedge clk_i) begin
          if (en) x_q <= x;
        end
        if (Apart) begin : gen_apart
          always_ff @(posedge clk_i) begin
            if (en) begin
              answers <= found;
              passed  <= x_q;
            end
          end
        end else begin : gen_at_once
          assign answers = found;
          assign passed  = x_q;
        end
        if (s == int'(Levels) - 1) begin : gen_last
          logic unused_passed;
          assign unused_passed = ^passed;
        end

        if (XSigned) begin : gen_signed
          assign reached = TWidth'(signed'(x_q)) >= signed'(word[s*TWidth+:TWidth]);
        end else begin : gen_unsigned
          assign reached = TWidth'(x_q) >= word[s*TWidth+:TWidth];
        end

        if (s < int'(Upper)) begin : gen_upper
          assign addr[s*AddrWidth+:AddrWidth] = AddrWidth'({row[s*Cycles*RowWidth+:RowWidth], Upper'(node)});
        end
      end
      assign index[i*Levels+:Levels] = gen_stage[Levels-1].answers;

      if (Block) begin : gen_block
        r4_lookup #(
          .Width    (TWidth),
          .Columns  (Shared ? 1 : Lanes),
          .Column   (Shared ? 0 : i),
          .Depth    (Rows << Levels),
          .Ports    (2),
          .AddrWidth(BlockAddr),
          .Block    (1'b1),
          .InitFile (BlockFile)
        ) u_lower (
          .clk_i,
          .en_i  (en),
          .addr_i({
            BlockAddr'({row[(Levels-1)*Cycles*RowWidth+:RowWidth], gen_stage[Levels-1].node}),
            BlockAddr'({row[(Levels-2)*Cycles*RowWidth+:RowWidth], Levels'(gen_stage[Levels-2].node)})
          }),
          .word_o(word[Levels*TWidth-1:Upper*TWidth])
        );
      end
    end
  end

  // -- level: the output register -----------------------------------------------------------------------------
  logic [Lanes-1:0] descends;
  if (LevelKind == 1) begin : gen_direction
    logic [Lanes-1:0] word;
    logic [Stages*Lanes-1:0] descends_q;
    r4_rom #(
      .Width(Lanes),
      .Depth(Rows),
      .InitFile(DirectionFile)
    ) u_directions (
      .clk_i,
      .rst_ni,
      .step_i(take),
      .word_o(word)
    );
    if (Rows > 1) begin : gen_travels
      always_ff @(posedge clk_i) begin
        if (en) descends_q <= (Stages * Lanes)'({descends_q, word});
      end
    end else begin : gen_constant
      assign descends_q = {Stages{word}};
    end
    assign descends = descends_q[Stages*Lanes-1-:Lanes];
  end else begin : gen_ascend
    assign descends = '0;
  end

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_level
    logic [Levels-1:0] at;
    assign at = index[i*Levels+:Levels];
    if (LevelKind <= 1) begin : gen_arithmetic
      logic [Levels-1:0] steps;
      logic [YWidth-1:0] y_q;
      assign steps = descends[i] ? Levels'(Thresholds) - at : at;
      always_ff @(posedge clk_i) begin
        if (en) y_q <= YWidth'(Base) + YWidth'(Step) * YWidth'(steps);
      end
      assign y_data_o[i*YWidth+:YWidth] = y_q;
    end else begin : gen_lookup
      localparam int unsigned LevelRows = LevelKind == 3 ? Rows : 1;
      localparam int unsigned LevelAddr = $clog2(LevelRows << Levels);
      r4_lookup #(
        .Width    (YWidth),
        .Columns  (LevelShared ? 1 : Lanes),
        .Column   (LevelShared ? 0 : i),
        .Depth    (LevelRows << Levels),
        .AddrWidth(LevelAddr),
        .InitFile (LevelFile)
      ) u_levels (
        .clk_i,
        .en_i  (en),
        .addr_i(LevelAddr'({row[Stages*RowWidth+:RowWidth], at})),
        .word_o(y_data_o[i*YWidth+:YWidth])
      );
    end
  end

  logic unused;
  assign unused = ^{row, descends};

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
