"""A specification that the tests share: contents in Lark, in regular expressions, in JSON and out of a list."""

MOVES = r"""
agent: mover
answer: done
states:
  task: {prefix: "[Task] ", env: task}
  think: {prefix: "[Think] ", content: {regex: "[a-z ]{0,20}[a-z]"}}
  move:
    prefix: "[Move] "
    content:
      lark: |
        start: one_block | two_blocks
        one_block: ("(pick-up " | "(put-down ") BLOCK ")"
        two_blocks: "(stack " BLOCK " " BLOCK ")"
        BLOCK: /b[1-9]/
  count:
    prefix: "[Count] "
    content:
      lark: |
        start: BLOCK
        BLOCK: /[0-9]{1,3}/
  seen: {prefix: "[Seen] ", env: host, propositions: [failed]}
  done: {prefix: "[Done] ", content: {enum: ["yes", "no", "no way"]}}
behavior:
  - task & X (think | move)
  - G(task -> !X F task)
  - G(think -> X move)
  - G(move -> X (seen | move))
  - G(seen -> X (think | count))
  - G(count -> X done)
  - F done & G(done -> last)
"""
