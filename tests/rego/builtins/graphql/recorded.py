"""Queries and schemas with what a real OPA said of them: text files of ``> "text"`` and the lines of the answer."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parent

SCHEMA = """schema { query: Query mutation: Mutation subscription: Subscription }
directive @again repeatable on FIELD
directive @needs(n: Int!) on FIELD
interface Node { id: ID! }
interface Named implements Node { id: ID! name: String }
type User implements Node & Named {
  id: ID! name: String friends(first: Int, by: Order! = AGE): [User!]! pet: Pet age: Float
}
type Dog { name: String size: Int nick: String! owner: User }
type Cat { name: String size: Float nick: String owner: User }
union Pet = Dog | Cat
enum Order { AGE NAME }
input Filter { name: String! order: Order ages: [Int] within: Filter }
input One @oneOf { a: String b: Int }
scalar Any
type Query {
  user(id: ID!): User users(filter: Filter, one: One, any: Any, flag: Boolean, number: Float, ids: [ID!]): [User]
  node: Node pet: Pet any: Any
}
type Mutation { add: User }
type Subscription { tick: Int user: User }
"""


def recorded(name: str) -> dict[str, str]:
    """Text to the answer: ``fits``, or the error."""
    cases: dict[str, str] = {}
    for block in (FOLDER / name).read_text("utf-8").split("\n> ")[1:]:
        text, *lines = block.removesuffix("\n").split("\n")
        cases[json.loads(text)] = "\n".join(line[2:] for line in lines)
    return cases
