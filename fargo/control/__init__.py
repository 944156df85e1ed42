"""The control socket: what the operator's commands ask of a running gateway.

Rules:

1. It is a Unix socket in the state directory, for the gateway's own user and root, who can do everything anyway.
2. A connection has one question and one answer, each a line of JSON. A question is one of `questions`; an answer has
   either the field `answer`, or `problem` with a sentence for the operator.
3. Whatever a client sends or leaves out, it costs the gateway a bounded amount of memory and time.
"""
