"""Trees as ``opa parse`` prints them."""

from image_enforcer.opa.format.tree import rule_text, tree_text
from image_enforcer.rego.syntax import parse_module

SOURCE = """# a comment
package a

import data.b as c

p contains x if {
	some x in {2, 1, 1.0}
	not q with input as {"k": [_]}
} # end

f(x) := y if y := x + 1

else := $"{x}"

r if every k, v in [z | z := 1] { k; v }
"""

TREE = """module
 package
  ref
   data
   "a"
 import
  ref
   data
   "b"
  c
 rule
  head
   ref
    p
  body
   expr index=0
    somedecl
     call
      ref
       internal
       "member_2"
      x
      set
       1
       2
   expr negated index=1
    q
    with
     ref
      input
     object
      "k"
      array
       _
 rule
  head
   ref
    f
   args
    x
   y
  body
   expr index=0
    ref
     assign
    y
    call
     ref
      plus
     x
     1
  rule
   head
    ref
     f
    args
     x
    templatestring
   body
    expr index=0
     true
 rule
  head
   ref
    r
   true
  body
   expr index=0
    every
     k
     v
     arraycomprehension
      z
      body
       expr index=0
        ref
         assign
        z
        1
     body
      expr index=0
       k
      expr index=1
       v
 comment
 comment
"""


def test_a_module() -> None:
    module = parse_module("a.rego", SOURCE)
    assert tree_text(module) == TREE
    assert tree_text(module, comments=False) == TREE.removesuffix(" comment\n comment\n")


def test_constants_are_printed_as_formats() -> None:
    shown = rule_text(parse_module("a.rego", 'package a\np := ["100%", "%d %5.2f %% %*d", "%[1]d"]\n').rules[0])
    lines = [line.strip() for line in shown.splitlines()]
    assert '"100%!"(MISSING)' in lines
    assert '"%!d(MISSING) %!f(MISSING) % %!(BADWIDTH)%!d(MISSING)"' in lines
    assert '"%!d(BADINDEX)"' in lines
