"""The manifests of public layouts, on small tables that are made as those are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medtransfer import paths
from medtransfer.data import catalog, manifests, prepare
from medtransfer.data.images import load

PLACE = paths.REPOSITORY / "docs" / "manifests"

CHEXPERT = """\
Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,\
Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,\
Fracture,Support Devices
{0}1/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0
{0}1/study1/view2_lateral.jpg,Female,68,Lateral,,1.0,,,,,,,,,0.0,,,,1.0
{0}2/study2/view1_frontal.jpg,Male,87,Frontal,AP,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,
{0}3/study1/view1_frontal.jpg,Male,83,Frontal,AP,,,1.0,1.0,,0.0,,,,0.0,1.0,,,
{0}3/study2/view1_frontal.jpg,Male,83,Frontal,PA,,,,1.0,,1.0,1.0,,1.0,0.0,0.0,,,
""".format("CheXpert-v1.0-small/train/patient0000")
PADCHEST = """\
,ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,Projection,Labels,Report
0,1_a.png,0,20140915,11,839860,L,"['pulmonary fibrosis']",texto
1,2_b.png,0,20140915,12,839860,PA,"['chronic changes', ' pleural effusion', 'cardiomegaly']",x
2,3_c.png,14,20140915,13,313572,PA,['normal'],"rx , sin"
3,4_d.png,14,20140915,14,313573,PA,"['exclude']",x
4,5_e.png,36,20140915,15,313574,PA,nan,x
"""
RSNA = """\
patientId,x,y,width,height,Target
0004cfab,,,,,0
00436515,264.0,152.0,213.0,379.0,1
00436515,562.0,152.0,256.0,453.0,1
"""
VINDR = """\
image_id,rad_id,Aortic enlargement,Cardiomegaly,Pleural effusion,Other diseases,No finding
5005,R11,0,0,0,0,1
5005,R7,0,0,0,0,1
5005,R10,1,1,0,0,0
51759,R1,0,0,0,0,1
51759,R2,0,0,0,0,1
51759,R3,0,0,0,0,1
"""
ISIC = """\
image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK,age_approx,anatom_site_general,lesion_id,sex
ISIC_0000000,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,55.0,anterior torso,,female
ISIC_0000001,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,,,BCN_1,
ISIC_0000002,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,,,BCN_1,
"""
ISIC_2020 = """\
image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,benign_malignant,target
ISIC_2637011,IP_7279968,male,45.0,head/neck,unknown,benign,0
ISIC_0015719,IP_3075186,female,45.0,upper extremity,melanoma,malignant,1
"""
HAM = """\
lesion_id,image_id,dx,dx_type,age,sex,localization
HAM_0000118,ISIC_0027419,bkl,histo,80.0,male,scalp
HAM_0000118,ISIC_0025030,bkl,histo,80.0,male,scalp
HAM_0002730,ISIC_0026769,mel,histo,,,unknown
"""
IDRID = """\
Image name,Retinopathy grade,Risk of macular edema ,,,,,,,,,
IDRiD_001,3,2,,,,,,,,,
IDRiD_002,0,0,,,,,,,,,
IDRiD_003,1,1,,,,,,,,,
"""
APTOS = "id_code,diagnosis\n000c1434d8d7,2\n001639a390f0,4\n0024cdab0c1e,1\n"
MESSIDOR = """\
image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable
20051020_43808_0100_PP.png,0,0,1
IM003806.JPG,2,0,1
IM003701.JPG,,,0
"""
LABELS = {  # image -> group, labels
    "chexpert": (
        CHEXPERT,
        {
            f"CheXpert-v1.0-small/train/patient0000{name}/view1_frontal.jpg": (f"patient0000{p}", y)
            for name, p, y in [
                ("1/study1", 1, (0, 0, 0, 0, 0)),
                ("3/study1", 3, (0, 1, 0, 0, 1)),
                ("3/study2", 3, (1, 0, 1, 1, 0)),
            ]
        },
    ),
    "padchest": (
        PADCHEST,
        {"0/2_b.png": ("839860", (0, 1, 1)), "14/3_c.png": ("313572", (1, 0, 0))},
    ),
    "rsna_pneumonia": (RSNA, {"0004cfab": ("0004cfab", (0,)), "00436515": ("00436515", (1,))}),
    "vindr_cxr": (VINDR, {"5005": ("5005", (1, 1, 0)), "51759": ("51759", (1, 0, 0))}),
    "isic_2019": (
        ISIC,
        {
            "ISIC_0000000": ("ISIC_0000000", (0, 1, 0)),
            "ISIC_0000001": ("BCN_1", (1, 0, 0)),
            "ISIC_0000002": ("BCN_1", (1, 0, 0)),
        },
    ),
    "isic_2020": (
        ISIC_2020,
        {"ISIC_2637011": ("IP_7279968", (0,)), "ISIC_0015719": ("IP_3075186", (1,))},
    ),
    "ham10000": (
        HAM,
        {
            "ISIC_0027419": ("HAM_0000118", (0,)),
            "ISIC_0025030": ("HAM_0000118", (0,)),
            "ISIC_0026769": ("HAM_0002730", (1,)),
        },
    ),
    "idrid": (
        IDRID,
        {f"IDRiD_00{n}": (f"IDRiD_00{n}", (y,)) for n, y in ((1, 1), (2, 0), (3, 0))},
    ),
    "aptos": (
        APTOS,
        {
            name: (name, (y,))
            for name, y in (("000c1434d8d7", 1), ("001639a390f0", 1), ("0024cdab0c1e", 0))
        },
    ),
    "messidor_2": (
        MESSIDOR,
        {
            "20051020_43808_0100_PP.png": ("20051020_43808_0100_PP.png", (0,)),
            "IM003806.JPG": ("IM003806.JPG", (1,)),
        },
    ),
}


def write(root: Path, manifest, table: str, names) -> None:
    (root / manifest.table).parent.mkdir(parents=True, exist_ok=True)
    (root / manifest.table).write_text(table, encoding="utf-8")
    rng = np.random.default_rng(0)
    for name in names:
        path = root / manifest.images / f"{name}{manifest.image_suffix}"
        path = path.with_suffix(".jpg") if path.suffix == ".JPG" else path
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)
        with path.open("wb") as file:
            Image.fromarray(pixels).save(file, "PNG")


@pytest.mark.parametrize("name", sorted(path.stem for path in PLACE.glob("*.yaml")))
def test_a_public_layout_is_read_by_its_manifest(name, tmp_path):
    table, expected = LABELS[name]
    manifest = manifests.read(PLACE / f"{name}.yaml")
    assert manifest.name == name
    write(tmp_path, manifest, table, expected)
    index = catalog.Request(manifest=manifest, root=tmp_path, image_px=32).reader().index()
    found = {
        row["image"]: (row["group"], tuple(row[label] for label in manifest.label_names))
        for row in index.to_dict("records")
    }
    assert found == expected


def test_such_a_set_is_prepared(tmp_path):
    manifest = manifests.read(PLACE / "chexpert.yaml")
    write(tmp_path, manifest, *LABELS["chexpert"])
    wanted = catalog.Request(manifest=manifest, root=tmp_path, image_px=32)
    prepared = load(prepare.prepared_source(wanted))
    assert prepared.targets.sum(axis=0).tolist() == [1, 1, 1, 1, 1]
