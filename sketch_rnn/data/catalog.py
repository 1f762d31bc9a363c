"""The public data sets by name: where they are, and under which licence."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from sketch_rnn.data import download
from sketch_rnn.errors import UserError

_COLLECTION = "https://github.com/hardmaru/sketch-rnn-datasets/raw/master"
_QUICKDRAW = "https://storage.googleapis.com/quickdraw_dataset/sketchrnn"
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


@dataclass(frozen=True)
class PublicSet:
    """A data set: the folder's address that `--data_dir` takes, its file there, its licence."""

    folder: str
    file: str
    licence: str


SETS = {
    "aaron_sheep": PublicSet(
        f"{_COLLECTION}/aaron_sheep",
        "aaron_sheep.npz",
        "The Sheep Market, (c) Aaron Koblin, CC BY-NC 4.0 (not for commercial use)",
    ),
    "omniglot": PublicSet(
        f"{_COLLECTION}/omniglot", "omniglot.npz", "Omniglot, (c) Brenden Lake, MIT licence"
    ),
    **{
        name: PublicSet(f"{_COLLECTION}/kanji", f"{name}.npz", _KANJI)
        for name in ("short_kanji", "kanji.rdp100", "kanji.rdp200")
    },
    **{
        name: PublicSet(_QUICKDRAW, f"{name}.npz", "Quick, Draw!, (c) Google, CC BY 4.0")
        for name in CATEGORIES
    },
}


def find(name: str) -> PublicSet:
    """The data set of that name; capitals do not matter, and `_` is as good as a space."""
    names = {known.lower().replace(" ", "_"): known for known in SETS}
    wanted = name.lower().replace(" ", "_").removesuffix(".npz")
    if wanted in names:
        return SETS[names[wanted]]
    near = difflib.get_close_matches(wanted[:60], names, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; without a name they are listed"
    raise UserError(f"no public data set {name!r}{hint}")


def fetch(public: PublicSet) -> Path:
    """The file in the cache, downloaded if it is not there yet."""
    return download.resolve(public.folder, [public.file])[0]


def listing() -> list[str]:
    """The names by licence, as lines."""
    by_licence: dict[str, list[str]] = {}
    for name, public in SETS.items():
        by_licence.setdefault(public.licence, []).append(name.replace(" ", "_"))
    return [f"{licence}:\n  {' '.join(names)}" for licence, names in by_licence.items()]
