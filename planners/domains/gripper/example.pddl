(define (problem exchange-balls)
  (:domain gripper)
  (:objects
    kitchen hall - room
    ball1 ball2 ball3 - ball
    left right - gripper)
  (:init
    (robot-in kitchen)
    (free left)
    (free right)
    (ball-in ball1 kitchen)
    (ball-in ball2 kitchen)
    (ball-in ball3 hall))
  (:goal (and
    (ball-in ball1 hall)
    (ball-in ball2 hall)
    (ball-in ball3 kitchen))))
