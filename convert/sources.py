"""Where training data comes from and under which terms, for model cards."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A data set; `licence` as its authors state it; `commercial` is False where they exclude commercial use."""

    title: str
    citation: str
    url: str
    licence: str
    commercial: bool


SOURCES = {
    "fer2013": Source(
        "FER2013 with FER+ votes",
        "Goodfellow et al. 2013, Challenges in Representation Learning; Barsoum et al. 2016, FER+",
        "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge",
        "FER2013: competition data collected from the web, no explicit licence; FER+ votes: MIT",
        commercial=True,
    ),
    "raf-db": Source(
        "RAF-DB, basic emotions",
        "Li, Deng and Du 2017, Reliable Crowdsourcing and Deep Locality-Preserving Learning",
        "http://www.whdeng.cn/raf/model1.html",
        "non-commercial research only, by agreement",
        commercial=False,
    ),
    "affectnet": Source(
        "AffectNet",
        "Mollahosseini, Hasani and Mahoor 2019, AffectNet: A Database for Facial Expression, Valence, and Arousal",
        "http://mohammadmahoor.com/affectnet/",
        "research only, by agreement",
        commercial=False,
    ),
    "ck-plus": Source(
        "CK+",
        "Lucey et al. 2010, The Extended Cohn-Kanade Dataset",
        "https://www.jeffcohn.net/resources/",
        "non-commercial research only, by agreement",
        commercial=False,
    ),
    "ravdess": Source(
        "RAVDESS, speech",
        "Livingstone and Russo 2018, The Ryerson Audio-Visual Database of Emotional Speech and Song",
        "https://zenodo.org/records/1188976",
        "CC BY-NC-SA 4.0",
        commercial=False,
    ),
    "tess": Source(
        "TESS",
        "Dupuis and Pichora-Fuller 2010, Toronto Emotional Speech Set",
        "https://doi.org/10.5683/SP2/E8H2MF",
        "CC BY-NC-ND 4.0",
        commercial=False,
    ),
    "emodb": Source(
        "EMO-DB",
        "Burkhardt et al. 2005, A Database of German Emotional Speech",
        "http://emodb.bilderbar.info",
        "free for research, no formal text",
        commercial=False,
    ),
    "crema": Source(
        "CREMA-D",
        "Cao et al. 2014, CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset",
        "https://github.com/CheyneyComputerScience/CREMA-D",
        "Open Database License and Database Content License",
        commercial=True,
    ),
    "savee": Source(
        "SAVEE",
        "Haq and Jackson 2009, Speaker-Dependent Audio-Visual Emotion Recognition",
        "http://kahlan.eps.surrey.ac.uk/savee/",
        "free for research, on registration",
        commercial=False,
    ),
    "photos": Source(
        "Photos with faces, boxes and landmarks by YuNet; pictures without faces",
        "collected from public repositories; Wu et al. 2023, YuNet: A Tiny Millisecond-level Face Detector",
        "https://github.com/ShiqiYu/libfacedetection.train",
        "the photos: mixed, mostly not stated by those who published them; YuNet: Apache-2.0",
        commercial=True,
    ),
    "noise": Source(
        "ESC-10 and Speech Commands background noise (mixed in, and as sound without speech)",
        "Piczak 2015, ESC: Dataset for Environmental Sound Classification; Warden 2018, Speech Commands",
        "https://github.com/karolpiczak/ESC-50",
        "CC BY 3.0 and CC BY 4.0",
        commercial=True,
    ),
}


def model_licence(names: list[str]) -> str:
    """The terms of weights trained on the data sets `names`: the strictest of the data's."""
    if all(SOURCES[name].commercial for name in names):
        return "Apache-2.0; the terms of the training data are stated in training_data"
    return "CC-BY-NC-SA-4.0: non-commercial use only, as the training data demands"
