"""tf.contrib.tensorboard.plugins.projector: names the embeddings that TensorBoard shows.

Source   TensorBoard, projector_config.proto; written as text, without the package tensorboard
"""
import json
import os
import types


class _Message:
    """A protocol buffer of text: attributes are fields, messages and lists are written in their turn."""

    def __str__(self):
        lines = []
        for name, values in vars(self).items():
            for value in values if isinstance(values, list) else [values]:
                if isinstance(value, _Message):
                    inner = str(value).replace("\n", "\n  ")
                    lines += [f"{name} {{\n  {inner}\n}}"] if inner else []
                else:
                    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else value
                    lines.append(f"{name}: {text}")
        return "\n".join(lines)


class _Embeddings(list):
    def add(self, **fields):
        self.append(EmbeddingInfo(**fields))
        return self[-1]


class EmbeddingInfo(_Message):
    """tensor_name, metadata_path, and a sprite of images."""

    def __init__(self, **fields):
        self.sprite = _Message()
        self.sprite.single_image_dim = []
        vars(self).update(fields)


class ProjectorConfig(_Message):
    def __init__(self):
        self.embeddings = _Embeddings()


def visualize_embeddings(summary_writer, config):
    """Writes projector_config.pbtxt into the folder of a summary writer, or into a folder."""
    folder = summary_writer if isinstance(summary_writer, str) else summary_writer.get_logdir()
    with open(os.path.join(folder, "projector_config.pbtxt"), "w", encoding="utf-8") as f:
        f.write(str(config) + "\n")


projector = types.SimpleNamespace(EmbeddingInfo=EmbeddingInfo, ProjectorConfig=ProjectorConfig,
                                  visualize_embeddings=visualize_embeddings)
plugins = types.SimpleNamespace(projector=projector)
