"""The drill table: every fault that anchoring must survive, each played on a real node with and without replies."""

from anchoring.drill import answers, blocks, hands, money, processes
from anchoring.drill.row import Row

TABLE: tuple[Row, ...] = (*blocks.ROWS, *answers.ROWS, *processes.ROWS, *money.ROWS, *hands.ROWS)
