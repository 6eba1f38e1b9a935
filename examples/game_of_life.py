"""Conway's game of life with a blinker, three cells in a row that should turn by 90 degrees at every step.

Symptom: the board is empty after the first step, though the rules say that the middle cell lives on and that
one cell above it and one below it are born.

    escope record examples/game_of_life.py && escope open game_of_life.esr
"""

WIDTH, HEIGHT = 5, 5


def empty_board():
    return [[0] * WIDTH] * HEIGHT


def blinker():
    return [[1 if row == 2 and 1 <= column <= 3 else 0 for column in range(WIDTH)] for row in range(HEIGHT)]


def neighbours(board, x, y):
    count = 0
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if (dx or dy) and 0 <= x + dx < WIDTH and 0 <= y + dy < HEIGHT:
                count += board[y + dy][x + dx]
    return count


def step(board):
    following = empty_board()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            count = neighbours(board, x, y)
            alive = count == 3 or (count == 2 and board[y][x])
            following[y][x] = 1 if alive else 0
    return following


def show(board):
    for row in board:
        print("".join("#" if cell else "." for cell in row))
    print()


def main():
    board = blinker()
    show(board)
    for _ in range(2):
        board = step(board)
        show(board)
    living = sum(map(sum, board))
    if living != 3:
        raise SystemExit(f"a blinker has 3 living cells, not {living}")


main()
