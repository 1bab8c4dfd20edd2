"""Who is in the demo: names nobody has, in the spellings a front desk meets, and what the business offers."""

from __future__ import annotations

FIRST_NAMES = """
    Aaliyah Abena Adwoa Aiko Ainsley Aleksander Amara Anjali Anouk Ariadne Asher Aylin Babatunde Beatriz Björn
    Brígida Caoimhe Carys Chidi Clémence Cosmo Dagny Daiyu Danilo Delphine Dimitra Ebele Eilidh Emeka Esra Fatoumata
    Fenna Fionnuala Florian Gethin Giorgia Gulnara Hamza Hannelore Haruto Héloïse Ines Ioana Iskander Jadwiga Jarrah
    Jelena Joaquín Kaleo Karim Kwame Laleh Leocadia Linh Łucja Maelle Mahalia Malik Marisol Mei Milo Nasrin Ngozi
    Niamh Noor Obinna Ophelia Ottilie Øystein Paloma Parisa Priya Quillon Rahim Renske Rhiannon Rosalind Roza
    Saoirse Selim Sevda Siobhán Soraya Sunniva Tadeusz Tamsin Tariq Tevita Thandiwe Ulla Umar Valentina Wanjiru
    Wilhelmina Xiomara Yael Yusuf Zainab Zbigniew Zuzanna
""".split()  # noqa: SIM905

LAST_NAMES = """
    Abernettle Ambercroft Ashgrove-Lund Balogunde Barrowmere Bellweather Blackthistle Brambleworth Brightwater
    Çelikdere Cinderford Copperpot Dahlquist-Orr Dandelyne Drizzlecombe Dunwhistle El-Harrouni Eversley-Knot
    Fairweather-Tan Featherstonehold Fernsby Foxmarrow Gallowglen Ghoshwala Goldenrod Grimsditch Gyllenhamn
    Hallowbrook Haverstraw Honeychurch-Ito Iwamotori Jasperfield Jörmundsson Kaczmarowicz Keatingdale Kingfisher-
    Mbeki Lanternjack Larkspurrow Lightbody-Nair Longfellowe Maplethorpe Marrowvale Meadowsweet Merryweather-Öz
    Mossgrave Mwangura Nettlefold Nightingale-Wu O'Brannagh O'Cloverty Oakenshaw Okonjowa Olivarescu Pasternacki
    Pemberthy Quicksilver Quillfeather Ravensbourne-Diaz Rosenquill Saltmarsh Santamarina-Vo Silverthorne Snowdrop
    Sørensby Sparrowhawke Starling-Petrov Strawbridge Sunderwell Tanglewood Thistlewick Thornapple Tumbledown
    Underhay Vandermolen Vinterholm Waterlily-Khan Whistlecraft Wildgoose Willowmere Windermoor Wrenfield Yarrowby
    Yellowhammer Zephyrine
""".split()  # noqa: SIM905

CLUBS = (("Quayside", "Harbourton"), ("Old Town", "Harbourton"), ("Northfield", "Nether Harbour"))

TRAINERS = (
    "Bodil Handspring",
    "Cassius Plankett",
    "Djamila Stretchworth",
    "Ewan Kettlebell",
    "Freya Burpeeson",
    "Gustavo Lungemere",
    "Hiroko Deadliftham",
    "Imogen Tempo-Reyes",
    "Jomo Sprintley",
)
MANAGERS = ("Marguerite Rosterby", "Nikolai Openshut", "Oluwaseun Turnstile")
DESK = ("Perpetua Deskworthy", "Rafael Checkwell")

CLASSES = (
    ("Sunrise Yoga", 60, 14),
    ("Spin 45", 45, 12),
    ("Strength Basics", 60, 10),
    ("Lunch Pilates", 45, 12),
    ("Boxing Circuit", 50, 12),
    ("Row & Core", 45, 10),
    ("Vinyasa Flow", 60, 14),
    ("Dance Cardio", 55, 16),
    ("Mobility Hour", 60, 12),
)

STREETS = (
    "Rope Walk",
    "Lantern Row",
    "Saltfish Lane",
    "Gannet Street",
    "Capstan Close",
    "Old Mole Road",
    "Tidewheel Rise",
)
OCCUPATIONS = (
    "lighthouse keeper",
    "archivist",
    "nurse",
    "baker",
    "coder",
    "piano tuner",
    "teacher",
    "ferry pilot",
    "chef",
)
MEDICAL = (
    "Asthma; carries an inhaler.",
    "Old knee injury on the left, no jumping.",
    "Type 1 diabetes; may leave a class to test.",
    "Pregnant, second trimester, cleared by midwife.",
    "Allergic to latex bands.",
)
NOTES = (
    "Prefers the back row and a spare mat.",
    "Asked about a family plan; call after the holidays.",
    "Came back after a long break, doing well.",
    "Locker 14 sticks, told to use 15.",
    "Training for the Harbour Half in spring.",
    "Likes quiet sessions; no music in appointments, please.",
)
BOOKING_NOTES = ("Needs a chair.", "First time, please say hello.", "Will be five minutes late.", "Brings own mat.")
HEARD = ("A friend", "The poster on the quay", "Search", "Walked past", "The Harbour Half")
TAGS = ("morning person", "runner", "beginner", "event volunteer", "swimmer", "climber")
