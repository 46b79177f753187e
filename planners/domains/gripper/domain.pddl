; A robot with grippers carries balls between rooms.
;
; say move: go from {from} to {to}
; say pick: take {ball} in {room} with the {gripper} gripper
; say drop: lay {ball} down in {room} from the {gripper} gripper

(define (domain gripper)
  (:requirements :strips :typing)
  (:types room ball gripper)

  (:predicates
    (robot-in ?room - room)                    ; the robot is in ?room
    (ball-in ?ball - ball ?room - room)        ; ?ball lies in ?room; a ball that is carried lies nowhere
    (free ?gripper - gripper)                  ; ?gripper holds nothing
    (carries ?gripper - gripper ?ball - ball)) ; ?gripper holds ?ball

  (:action move
    :parameters (?from ?to - room)
    :precondition (robot-in ?from)
    :effect (and (robot-in ?to) (not (robot-in ?from))))

  (:action pick
    :parameters (?ball - ball ?room - room ?gripper - gripper)
    :precondition (and (ball-in ?ball ?room) (robot-in ?room) (free ?gripper))
    :effect (and (carries ?gripper ?ball)
                 (not (ball-in ?ball ?room)) (not (free ?gripper))))

  (:action drop
    :parameters (?ball - ball ?room - room ?gripper - gripper)
    :precondition (and (carries ?gripper ?ball) (robot-in ?room))
    :effect (and (ball-in ?ball ?room) (free ?gripper)
                 (not (carries ?gripper ?ball)))))
