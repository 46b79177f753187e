; Blocks on a table and one arm that holds one block at a time.
;
; The lines "say" tell how a step reads in English; names in braces are the action's parameters.
; say pick-up: pick up {block} from the table
; say put-down: put {block} down on the table
; say unstack: lift {block} off {below}
; say stack: put {block} on {below}

(define (domain blocksworld)
  (:requirements :strips :typing)
  (:types block)

  (:predicates
    (on ?block ?below - block)     ; ?block stands directly on ?below
    (on-table ?block - block)      ; ?block stands directly on the table
    (clear ?block - block)         ; nothing stands on ?block, and the arm does not hold it
    (holding ?block - block)       ; the arm holds ?block
    (arm-empty))                   ; the arm holds nothing

  (:action pick-up
    :parameters (?block - block)
    :precondition (and (clear ?block) (on-table ?block) (arm-empty))
    :effect (and (holding ?block)
                 (not (on-table ?block)) (not (clear ?block)) (not (arm-empty))))

  (:action put-down
    :parameters (?block - block)
    :precondition (holding ?block)
    :effect (and (on-table ?block) (clear ?block) (arm-empty)
                 (not (holding ?block))))

  (:action unstack
    :parameters (?block ?below - block)
    :precondition (and (on ?block ?below) (clear ?block) (arm-empty))
    :effect (and (holding ?block) (clear ?below)
                 (not (on ?block ?below)) (not (clear ?block)) (not (arm-empty))))

  (:action stack
    :parameters (?block ?below - block)
    :precondition (and (holding ?block) (clear ?below))
    :effect (and (on ?block ?below) (clear ?block) (arm-empty)
                 (not (holding ?block)) (not (clear ?below)))))
