"""Public data sets and models by name: their addresses and licenses."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sketch_rnn.data import download, hub
from sketch_rnn.errors import UserError
from sketch_rnn.files import exists

_COLLECTION = "https://github.com/hardmaru/sketch-rnn-datasets/raw/master"
_QUICKDRAW = "https://storage.googleapis.com/quickdraw_dataset/sketchrnn"
_MODEL_PREFIX = "quickdraw/"
_MODELS = "https://storage.googleapis.com/quickdraw-models/sketchRNN/large_models"
_KANJI = "kanji from KanjiVG, (c) Ulrich Apel, CC BY-SA 3.0"
CATEGORIES = tuple(
    """
aircraft carrier,airplane,alarm clock,ambulance,angel,animal migration,ant,anvil,apple,arm,
asparagus,axe,backpack,banana,bandage,barn,baseball,baseball bat,basket,basketball,bat,bathtub,
beach,bear,beard,bed,bee,belt,bench,bicycle,binoculars,bird,birthday cake,blackberry,blueberry,
book,boomerang,bottlecap,bowtie,bracelet,brain,bread,bridge,broccoli,broom,bucket,bulldozer,bus,
bush,butterfly,cactus,cake,calculator,calendar,camel,camera,camouflage,campfire,candle,cannon,
canoe,car,carrot,castle,cat,ceiling fan,cell phone,cello,chair,chandelier,church,circle,clarinet,
clock,cloud,coffee cup,compass,computer,cookie,cooler,couch,cow,crab,crayon,crocodile,crown,
cruise ship,cup,diamond,dishwasher,diving board,dog,dolphin,donut,door,dragon,dresser,drill,drums,
duck,dumbbell,ear,elbow,elephant,envelope,eraser,eye,eyeglasses,face,fan,feather,fence,finger,
fire hydrant,fireplace,firetruck,fish,flamingo,flashlight,flip flops,floor lamp,flower,
flying saucer,foot,fork,frog,frying pan,garden,garden hose,giraffe,goatee,golf club,grapes,grass,
guitar,hamburger,hammer,hand,harp,hat,headphones,hedgehog,helicopter,helmet,hexagon,hockey puck,
hockey stick,horse,hospital,hot air balloon,hot dog,hot tub,hourglass,house,house plant,hurricane,
ice cream,jacket,jail,kangaroo,key,keyboard,knee,knife,ladder,lantern,laptop,leaf,leg,light bulb,
lighter,lighthouse,lightning,line,lion,lipstick,lobster,lollipop,mailbox,map,marker,matches,
megaphone,mermaid,microphone,microwave,monkey,moon,mosquito,motorbike,mountain,mouse,moustache,
mouth,mug,mushroom,nail,necklace,nose,ocean,octagon,octopus,onion,oven,owl,paint can,paintbrush,
palm tree,panda,pants,paper clip,parachute,parrot,passport,peanut,pear,peas,pencil,penguin,piano,
pickup truck,picture frame,pig,pillow,pineapple,pizza,pliers,police car,pond,pool,popsicle,
postcard,potato,power outlet,purse,rabbit,raccoon,radio,rain,rainbow,rake,remote control,
rhinoceros,rifle,river,roller coaster,rollerskates,sailboat,sandwich,saw,saxophone,school bus,
scissors,scorpion,screwdriver,sea turtle,see saw,shark,sheep,shoe,shorts,shovel,sink,skateboard,
skull,skyscraper,sleeping bag,smiley face,snail,snake,snorkel,snowflake,snowman,soccer ball,sock,
speedboat,spider,spoon,spreadsheet,square,squiggle,squirrel,stairs,star,steak,stereo,stethoscope,
stitches,stop sign,stove,strawberry,streetlight,string bean,submarine,suitcase,sun,swan,sweater,
swing set,sword,syringe,t-shirt,table,teapot,teddy-bear,telephone,television,tennis racquet,tent,
The Eiffel Tower,The Great Wall of China,The Mona Lisa,tiger,toaster,toe,toilet,tooth,toothbrush,
toothpaste,tornado,tractor,traffic light,train,tree,triangle,trombone,truck,trumpet,umbrella,
underwear,van,vase,violin,washing machine,watermelon,waterslide,whale,wheel,windmill,wine bottle,
wine glass,wristwatch,yoga,zebra,zigzag
""".replace("\n", "").split(",")
)


MODEL_CATEGORIES = tuple(
    """
alarm_clock,ambulance,angel,ant,antyoga,backpack,barn,basket,bear,bee,beeflower,
bicycle,bird,book,brain,bridge,bulldozer,bus,butterfly,cactus,calendar,castle,cat,
catbus,catpig,chair,couch,crab,crabchair,crabrabbitfacepig,cruise_ship,diving_board,dog,
dogbunny,dolphin,duck,elephant,elephantpig,eye,face,fan,fire_hydrant,firetruck,flamingo,
flower,floweryoga,frog,frogsofa,garden,hand,hedgeberry,hedgehog,helicopter,kangaroo,key,
lantern,lighthouse,lion,lionsheep,lobster,map,mermaid,monapassport,monkey,mosquito,
octopus,owl,paintbrush,palm_tree,parrot,passport,peas,penguin,pig,pigsheep,pineapple,
pool,postcard,power_outlet,rabbit,rabbitturtle,radio,radioface,rain,rhinoceros,rifle,
roller_coaster,sandwich,scorpion,sea_turtle,sheep,skull,snail,snowflake,speedboat,spider,
squirrel,steak,stove,strawberry,swan,swing_set,the_mona_lisa,tiger,toothbrush,toothpaste,
tractor,trombone,truck,whale,windmill,yoga,yogabicycle
""".replace("\n", "").split(",")
)
PACKAGED_MODEL = "doodles"  # the name of the model in the package, which is the default model
PACKAGED_MODEL_PATH = Path(__file__).parent / "packaged" / "doodles.vae.json"
PACKAGED_DRAWINGS_PATH = Path(__file__).parent / "packaged" / "doodles.npz"
LARGEST_MODEL = 128 << 20  # bytes


@dataclass(frozen=True)
class PublicSet:
    """A public data set: the address of its folder (as for `data_dir`), its file and license."""

    folder: str
    file: str
    license: str

    @property
    def usage(self) -> str:
        """A line that tells the user how to train on the data set."""
        return f'--data_dir={self.folder} "--hparams=data_set=[{self.file}]" trains on it'

    def fetch(self) -> Path:
        """Return the path of the file in the cache; download the file if it is missing."""
        return download.resolve(self.folder, [self.file])[0]


@dataclass(frozen=True)
class PublicModel:
    """A public trained model: its name, the address of its file, and its license."""

    name: str
    url: str
    license: str

    @property
    def usage(self) -> str:
        """A line that tells the user how to draw with the model."""
        return f"--model_dir={self.name} draws with it"

    def fetch(self, anew: bool = False) -> Path:
        """Return the file's path in the cache; download it if it is missing or `anew` is set."""
        return download.fetch(self.url, _DRAW_OFFLINE, LARGEST_MODEL, anew)


_DRAW_OFFLINE = (
    f"--model_dir={PACKAGED_MODEL}, the model in the package, works without an internet "
    "connection, and so do your own models and models downloaded before"
)
_QUICKDRAW_LICENSE = "Quick, Draw!, (c) Google, CC BY 4.0"

SETS = {
    "aaron_sheep": PublicSet(
        f"{_COLLECTION}/aaron_sheep",
        "aaron_sheep.npz",
        "The Sheep Market, (c) Aaron Koblin, CC BY-NC 4.0 (not for commercial use)",
    ),
    "omniglot": PublicSet(
        f"{_COLLECTION}/omniglot", "omniglot.npz", "Omniglot, (c) Brenden Lake, MIT license"
    ),
    **{
        name: PublicSet(f"{_COLLECTION}/kanji", f"{name}.npz", _KANJI)
        for name in ("short_kanji", "kanji.rdp100", "kanji.rdp200")
    },
    **{name: PublicSet(_QUICKDRAW, f"{name}.npz", _QUICKDRAW_LICENSE) for name in CATEGORIES},
}


def _public_models() -> Iterator[PublicModel]:
    """Yield a decoder and a conditional model per category, and a decoder for all categories."""
    for category in (*MODEL_CATEGORIES, "everything"):
        address = f"{_MODELS}/{category}"
        yield PublicModel(_MODEL_PREFIX + category, f"{address}.gen.json", _QUICKDRAW_LICENSE)
        if category != "everything":
            yield PublicModel(
                f"{_MODEL_PREFIX}{category}.vae", f"{address}.vae.json", _QUICKDRAW_LICENSE
            )


MODELS = {model.name: model for model in _public_models()}


def find(name: str) -> PublicSet | PublicModel:
    """Return the data set or model with that name, ignoring case and treating `_` as a space."""
    wanted = _plain(name)
    if wanted.startswith(_MODEL_PREFIX):
        wanted = wanted.removesuffix(".json").removesuffix(".gen")
        if wanted in MODELS:
            return MODELS[wanted]
        models = _near_models(wanted.removeprefix(_MODEL_PREFIX))
        hint = f"did you mean {models}?" if models else "`sketch_rnn_dataset download` lists them"
        raise UserError(f"no public model {name!r:.60}; {hint}")
    names = {_plain(known): known for known in SETS}
    wanted = wanted.removesuffix(".npz")
    if wanted in names:
        return SETS[names[wanted]]
    near = difflib.get_close_matches(wanted[:60], names, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; `sketch_rnn_dataset download` lists them"
    raise UserError(f"no public data set {name!r}{hint}")


def is_packaged(name: str | Path | None) -> bool:
    """Return whether the name means the model in the package; the name None also means it."""
    return name is None or (_plain(str(name)) == PACKAGED_MODEL and not exists(Path(name)))


def model_path(name: str | Path | None) -> Path:
    """Return the path of a model; a local file or folder takes precedence over a known name.

    Args:
      name: a path, `doodles` for the model in the package, or a name in `MODELS` or on the Hub
        (`hf://user/name`), which is downloaded once; None means the model in the package.

    Returns:
      The model's path; if `name` is no known name, it is returned as a path, unchecked.

    Raises:
      UserError: there is no such model, or it cannot be fetched.
    """
    if name is None or is_packaged(name):
        return PACKAGED_MODEL_PATH
    if hub.is_address(name):
        return hub.fetch(str(name))
    path, wanted = Path(name), _plain(str(name))
    if exists(path):
        return path
    if wanted.startswith(_MODEL_PREFIX):
        return find(wanted).fetch()
    near = _near_models(wanted)
    if near and not {"/", "\\"} & {*wanted}:
        raise UserError(f"there is no folder or file {name}; did you mean the model {near}?")
    return path


def fetched_anew(name: str | Path | None) -> Path | None:
    """Download a model again and return its path; return None for a local model.

    Raises:
      UserError: the model cannot be downloaded.
    """
    if hub.is_address(name):
        return hub.fetch(str(name), anew=True)
    if name is None or exists(Path(name)) or not _plain(str(name)).startswith(_MODEL_PREFIX):
        return None
    public = find(str(name))
    return public.fetch(anew=True) if isinstance(public, PublicModel) else None


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_")


def _near_models(wanted: str) -> str:
    """Return the names of models that are similar to `wanted`, as text; "" if none are."""
    names = [name.removeprefix(_MODEL_PREFIX) for name in MODELS]
    near = difflib.get_close_matches(wanted[:60], [PACKAGED_MODEL, *names])
    return " or ".join(name if name == PACKAGED_MODEL else _MODEL_PREFIX + name for name in near)


def listing() -> list[str]:
    """Return lines that list the names of data sets and models, grouped by license."""
    by_license: dict[str, list[str]] = {}
    for name, public in SETS.items():
        by_license.setdefault(public.license, []).append(name.replace(" ", "_"))
    return [
        "Data sets, for sketch_rnn_train",
        *(f"{license}:\n  {' '.join(names)}" for license, names in by_license.items()),
        "",
        "Models, for --model_dir; add .vae to a name for the version with an encoder (there "
        "is none for the model named everything)",
        f"{_QUICKDRAW_LICENSE}:",
        f"  {' '.join(name for name in MODELS if not name.endswith('.vae'))}",
        f"CC0 1.0, in the package:\n  {PACKAGED_MODEL}",
    ]
