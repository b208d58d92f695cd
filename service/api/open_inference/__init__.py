"""The Open Inference Protocol, version 2, over HTTP: what clients of KServe and Triton speak.

    body ──▶ compression ──▶ message ──▶ request ──▶ json_tensors / binary_tensors ──▶ the engine ──▶ answer

Sources: the protocol itself is kserve/open-inference-protocol, `specification/protocol/inference_rest.md`; its
extensions for binary tensors, classification, the model repository and the schedule policy are
triton-inference-server/server, `docs/protocol/`.
"""
