(define (problem red-yellow-blue)
  (:domain blocksworld)
  (:objects
    red green blue yellow - block)
  (:init
    (on-table red)
    (on green red)
    (clear green)
    (on-table blue)
    (clear blue)
    (on-table yellow)
    (clear yellow)
    (arm-empty))
  (:goal (and
    (on yellow red)
    (on blue yellow))))
