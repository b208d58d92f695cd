"""The papers that the architectures come from, cited once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """Where an architecture was first described."""

    title: str
    authors: str
    year: int
    url: str

    def __str__(self) -> str:
        return f'{self.authors}, "{self.title}", {self.year}, {self.url}'


COX_1958 = Paper(
    title="The regression analysis of binary sequences",
    authors="D. R. Cox",
    year=1958,
    url="https://doi.org/10.1111/j.2517-6161.1958.tb00292.x",
)
RUMELHART_1986 = Paper(
    title="Learning representations by back-propagating errors",
    authors="D. E. Rumelhart, G. E. Hinton, R. J. Williams",
    year=1986,
    url="https://doi.org/10.1038/323533a0",
)
LECUN_1998 = Paper(
    title="Gradient-based learning applied to document recognition",
    authors="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner",
    year=1998,
    url="https://doi.org/10.1109/5.726791",
)
KIRSCH_1971 = Paper(
    title="Computer determination of the constituent structure of biological images",
    authors="R. A. Kirsch",
    year=1971,
    url="https://doi.org/10.1016/0010-4809(71)90034-6",
)
JARRETT_2009 = Paper(
    title="What is the best multi-stage architecture for object recognition?",
    authors="K. Jarrett, K. Kavukcuoglu, M. Ranzato, Y. LeCun",
    year=2009,
    url="https://doi.org/10.1109/ICCV.2009.5459469",
)
ALEXNET_2012 = Paper(
    title="ImageNet classification with deep convolutional neural networks",
    authors="A. Krizhevsky, I. Sutskever, G. E. Hinton",
    year=2012,
    url="https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks",
)
ONE_WEIRD_TRICK_2014 = Paper(
    title="One weird trick for parallelizing convolutional neural networks",
    authors="A. Krizhevsky",
    year=2014,
    url="https://arxiv.org/abs/1404.5997",
)
ZEILER_2013 = Paper(
    title="Visualizing and understanding convolutional networks",
    authors="M. D. Zeiler, R. Fergus",
    year=2013,
    url="https://arxiv.org/abs/1311.2901",
)
VGG_2014 = Paper(
    title="Very deep convolutional networks for large-scale image recognition",
    authors="K. Simonyan, A. Zisserman",
    year=2014,
    url="https://arxiv.org/abs/1409.1556",
)
GOOGLENET_2014 = Paper(
    title="Going deeper with convolutions",
    authors="C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, A. Rabinovich",
    year=2014,
    url="https://arxiv.org/abs/1409.4842",
)
BATCH_NORM_2015 = Paper(
    title="Batch normalization: accelerating deep network training by reducing internal covariate shift",
    authors="S. Ioffe, C. Szegedy",
    year=2015,
    url="https://arxiv.org/abs/1502.03167",
)
INCEPTION_V3_2015 = Paper(
    title="Rethinking the inception architecture for computer vision",
    authors="C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna",
    year=2015,
    url="https://arxiv.org/abs/1512.00567",
)
INCEPTION_V4_2016 = Paper(
    title="Inception-v4, Inception-ResNet and the impact of residual connections on learning",
    authors="C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi",
    year=2016,
    url="https://arxiv.org/abs/1602.07261",
)
RESNET_2015 = Paper(
    title="Deep residual learning for image recognition",
    authors="K. He, X. Zhang, S. Ren, J. Sun",
    year=2015,
    url="https://arxiv.org/abs/1512.03385",
)
RESNEXT_2016 = Paper(
    title="Aggregated residual transformations for deep neural networks",
    authors="S. Xie, R. Girshick, P. Dollar, Z. Tu, K. He",
    year=2016,
    url="https://arxiv.org/abs/1611.05431",
)
AIRBENCH_2024 = Paper(
    title="94% on CIFAR-10 in 3.29 seconds on a single GPU",
    authors="K. Jordan",
    year=2024,
    url="https://arxiv.org/abs/2404.00498",
)
