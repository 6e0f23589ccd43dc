/*
 * words.h - what fakes are made of
 *
 * As many as a power of two, so that bits of a hash choose one, each as likely
 * as any other. A change of a list, or of its order, changes fakes that are
 * stored in copies: add new lists instead. Included by fake.c alone.
 */
/* clang-format off */

/* Given names that are common in several countries. */
static const char first_names[256][10] = {
	"Aaron", "Ada", "Adam", "Adele", "Adrian", "Agnes", "Aisha", "Alan", "Albert", "Alex",
	"Alice", "Alina", "Amelia", "Amir", "Amy", "Ana", "Andre", "Andrea", "Andrew", "Angela",
	"Anita", "Ann", "Anna", "Anthony", "Antonio", "Arthur", "Astrid", "Aurora", "Ayumi",
	"Barbara", "Beatrice", "Ben", "Bernard", "Bianca", "Boris", "Brenda", "Brian", "Bruno",
	"Camila", "Carla", "Carlos", "Carmen", "Caroline", "Catherine", "Cecilia", "Charles",
	"Charlotte", "Chen", "Chiara", "Chloe", "Christian", "Christine", "Claire", "Clara",
	"Claudia", "Colin", "Daniel", "Daria", "David", "Deborah", "Denis", "Diana", "Diego",
	"Dmitri", "Dora", "Dorothy", "Edgar", "Edith", "Eduardo", "Edward", "Elena", "Eli", "Elias",
	"Elisa", "Elizabeth", "Ella", "Ellen", "Elsa", "Emil", "Emilia", "Emily", "Emma", "Eric",
	"Erika", "Ernest", "Esther", "Ethan", "Eugene", "Eva", "Evelyn", "Fatima", "Felix",
	"Fernando", "Fiona", "Flora", "Florian", "Frances", "Francis", "Frank", "Frederick",
	"Gabriel", "Gemma", "George", "Gerald", "Gloria", "Grace", "Greta", "Gustav", "Hana",
	"Hannah", "Hans", "Harold", "Harry", "Hassan", "Heidi", "Helen", "Henry", "Hugo", "Ian",
	"Ibrahim", "Ida", "Igor", "Ines", "Ingrid", "Irene", "Iris", "Isaac", "Isabel", "Ivan", "Ivy",
	"Jack", "Jacob", "Jakub", "James", "Jan", "Jane", "Janet", "Jasmine", "Javier", "Jean",
	"Jennifer", "Jin", "Joan", "Joel", "John", "Jonas", "Jorge", "Joseph", "Joyce", "Juan",
	"Judith", "Julia", "Julian", "June", "Karen", "Karim", "Karl", "Kate", "Katja", "Keiko",
	"Kenneth", "Kevin", "Kim", "Klara", "Lara", "Laura", "Lea", "Leah", "Leila", "Lena", "Leo",
	"Leon", "Leonora", "Liam", "Lidia", "Lily", "Linda", "Lisa", "Louis", "Louise", "Luca",
	"Lucas", "Lucia", "Lucy", "Luis", "Luna", "Lydia", "Magda", "Malik", "Marco", "Margaret",
	"Maria", "Marina", "Mark", "Marta", "Martin", "Mary", "Mateo", "Matthew", "Maya", "Mei",
	"Mia", "Michael", "Miguel", "Milan", "Mina", "Mira", "Miriam", "Mohamed", "Molly", "Monica",
	"Nadia", "Naomi", "Natalie", "Nathan", "Neil", "Nicholas", "Nina", "Noah", "Nora", "Olga",
	"Oliver", "Olivia", "Omar", "Oscar", "Otto", "Pablo", "Patricia", "Paul", "Paula", "Pedro",
	"Peter", "Petra", "Philip", "Rachel", "Rafael", "Rebecca", "Richard", "Robert", "Rosa",
	"Ruben", "Ruth", "Samir", "Samuel", "Sandra", "Sara", "Simon", "Sofia", "Stefan", "Susan",
	"Tamara", "Thomas", "Timothy", "Vera", "Victor", "Yusuf",
};

/* Family names, likewise. */
static const char last_names[256][12] = {
	"Abbott", "Abe", "Adams", "Aguilar", "Ahmed", "Ali", "Allen", "Almeida", "Alvarez",
	"Andersen", "Anderson", "Andrade", "Arnold", "Bailey", "Baker", "Barbosa", "Barnes", "Bauer",
	"Becker", "Bell", "Bennett", "Berg", "Bergman", "Bernard", "Bianchi", "Black", "Blanc",
	"Bondar", "Bos", "Boyd", "Brandt", "Braun", "Brooks", "Brown", "Bruno", "Bryant", "Burke",
	"Burns", "Butler", "Byrne", "Campbell", "Cardoso", "Carlson", "Carter", "Castillo", "Castro",
	"Chan", "Chapman", "Chavez", "Chen", "Christensen", "Clark", "Cohen", "Cole", "Collins",
	"Conti", "Cook", "Cooper", "Costa", "Cox", "Crawford", "Cruz", "Dahl", "Das", "Davies",
	"Davis", "Delgado", "Dias", "Diaz", "Dixon", "Doyle", "Dubois", "Dumont", "Duran", "Edwards",
	"Ekström", "Ellis", "Engel", "Eriksson", "Esposito", "Evans", "Fabre", "Faria", "Farkas",
	"Fernandes", "Ferrari", "Ferreira", "Fischer", "Fisher", "Flores", "Fontaine", "Ford",
	"Foster", "Fox", "Frank", "Freeman", "Fuchs", "Fuentes", "Garcia", "Gardner", "Garnier",
	"Gibson", "Gomez", "Gonzalez", "Gordon", "Graham", "Grant", "Gray", "Greco", "Green",
	"Gruber", "Gupta", "Haas", "Hall", "Hansen", "Harris", "Hart", "Hartmann", "Hassan", "Hayes",
	"Henry", "Herrera", "Hill", "Hoffmann", "Holm", "Horvat", "Howard", "Huang", "Huber",
	"Hughes", "Hunt", "Hussein", "Ibrahim", "Ivanov", "Jackson", "Jacobs", "Jansen", "Jensen",
	"Jimenez", "Johansson", "Johnson", "Jones", "Jordan", "Kaiser", "Kaplan", "Kato", "Keller",
	"Kelly", "Khan", "Kim", "King", "Klein", "Knight", "Koch", "Kovacs", "Kowalski", "Kramer",
	"Krause", "Kumar", "Kurz", "Lang", "Larsen", "Laurent", "Lee", "Lehmann", "Lewis", "Li",
	"Lima", "Lin", "Lindberg", "Lopez", "Lorenz", "Lund", "Maier", "Marino", "Marsh", "Martin",
	"Martinez", "Mason", "Mehta", "Meier", "Mendes", "Mendoza", "Meyer", "Miller", "Mills",
	"Molina", "Moore", "Morales", "Moreau", "Moreno", "Morgan", "Morris", "Murphy", "Murray",
	"Müller", "Nagy", "Nakamura", "Navarro", "Nelson", "Neumann", "Nguyen", "Nielsen", "Novak",
	"Nunes", "Ochoa", "Olsen", "Ortega", "Ortiz", "Owens", "Palmer", "Park", "Parker", "Patel",
	"Pavlov", "Pereira", "Perez", "Perry", "Petersen", "Petrov", "Phillips", "Pinto", "Popov",
	"Powell", "Price", "Ramirez", "Ramos", "Reed", "Reis", "Reyes", "Ricci", "Rivera", "Roberts",
	"Robinson", "Rojas", "Romano", "Rossi", "Roth", "Ruiz", "Russo", "Santos", "Sato", "Schmidt",
	"Schneider", "Silva", "Singh", "Smith", "Sousa", "Stewart", "Suzuki", "Tanaka", "Taylor",
	"Thompson", "Torres", "Wagner", "Weber",
};

/* Cities of some hundred thousand people or more, and some smaller ones. */
static const char cities[256][13] = {
	"Aachen", "Aalborg", "Aarhus", "Aberdeen", "Accra", "Adelaide", "Ahmedabad", "Alexandria",
	"Algiers", "Almaty", "Amman", "Amsterdam", "Ankara", "Antalya", "Antwerp", "Arequipa",
	"Asuncion", "Athens", "Atlanta", "Auckland", "Augsburg", "Austin", "Baku", "Baltimore",
	"Bamako", "Bandung", "Bangalore", "Bangkok", "Barcelona", "Bari", "Basel", "Beijing",
	"Beirut", "Belfast", "Belgrade", "Bergen", "Berlin", "Bern", "Bilbao", "Birmingham", "Bogota",
	"Bologna", "Bordeaux", "Boston", "Brasilia", "Bratislava", "Bremen", "Brest", "Brighton",
	"Brisbane", "Bristol", "Brno", "Brussels", "Bucharest", "Budapest", "Buenos Aires", "Buffalo",
	"Busan", "Cadiz", "Cairo", "Calgary", "Cali", "Cambridge", "Canberra", "Caracas", "Cardiff",
	"Casablanca", "Catania", "Charlotte", "Chengdu", "Chennai", "Chicago", "Cincinnati",
	"Cleveland", "Cologne", "Colombo", "Columbus", "Copenhagen", "Cordoba", "Cork", "Curitiba",
	"Cusco", "Dakar", "Dallas", "Danang", "Debrecen", "Delhi", "Denver", "Detroit", "Dhaka",
	"Dijon", "Doha", "Dortmund", "Dresden", "Dubai", "Dublin", "Dundee", "Durban", "Edinburgh",
	"Edmonton", "Eindhoven", "Erfurt", "Essen", "Faro", "Florence", "Fortaleza", "Frankfurt",
	"Freiburg", "Fukuoka", "Galway", "Gdansk", "Geneva", "Genoa", "Ghent", "Glasgow", "Goa",
	"Gothenburg", "Granada", "Graz", "Grenoble", "Groningen", "Guadalajara", "Guayaquil", "Haifa",
	"Halifax", "Hamburg", "Hannover", "Hanoi", "Harare", "Havana", "Heidelberg", "Helsinki",
	"Hiroshima", "Hobart", "Houston", "Hyderabad", "Innsbruck", "Islamabad", "Istanbul", "Izmir",
	"Jaipur", "Jakarta", "Jena", "Johannesburg", "Kampala", "Kansas City", "Karachi", "Kaunas",
	"Kazan", "Kiel", "Kigali", "Kingston", "Kobe", "Kochi", "Kosice", "Krakow", "Kyiv", "Kyoto",
	"La Paz", "Lagos", "Lahore", "Lausanne", "Leeds", "Leicester", "Leiden", "Leipzig", "Lille",
	"Lima", "Limerick", "Linz", "Lisbon", "Liverpool", "Ljubljana", "Lodz", "London",
	"Louisville", "Luanda", "Lublin", "Lucerne", "Lusaka", "Lviv", "Lyon", "Madrid", "Malaga",
	"Malmo", "Manchester", "Manila", "Maputo", "Marseille", "Medellin", "Melbourne", "Memphis",
	"Merida", "Mexico City", "Miami", "Milan", "Milwaukee", "Minneapolis", "Modena", "Mombasa",
	"Monterrey", "Montevideo", "Montreal", "Mumbai", "Munich", "Munster", "Murcia", "Nagoya",
	"Nairobi", "Nantes", "Naples", "Nashville", "New York", "Newcastle", "Nice", "Nicosia",
	"Norwich", "Nottingham", "Nuremberg", "Odense", "Odesa", "Oporto", "Orlando", "Osaka", "Oslo",
	"Ostrava", "Ottawa", "Oulu", "Oviedo", "Oxford", "Padua", "Palermo", "Panama City", "Paris",
	"Parma", "Perth", "Phoenix", "Pisa", "Plovdiv", "Portland", "Poznan", "Prague", "Quebec",
	"Quito", "Reykjavik", "Riga", "Rome", "Rotterdam", "Salzburg", "Santiago", "Seville", "Sofia",
	"Stockholm", "Tallinn", "Toronto", "Vienna",
};

/* Both make the name of a company; 4096 of them, of which some may be in use. */
static const char company_starts[64][8] = {
	"Alder", "Amber", "Apex", "Arbor", "Argent", "Ash", "Aspen", "Atlas", "Aurum", "Azure",
	"Beacon", "Birch", "Blue", "Bramble", "Bright", "Bronze", "Cedar", "Clear", "Cliff", "Cobalt",
	"Copper", "Coral", "Crest", "Crown", "Crystal", "Dale", "Dawn", "Delta", "East", "Echo",
	"Elm", "Ember", "Fair", "Falcon", "Fern", "Field", "Flint", "Frost", "Garnet", "Glen", "Gold",
	"Granite", "Green", "Grove", "Harbor", "Haven", "Hazel", "Heron", "Hill", "Iris", "Iron",
	"Ivory", "Jade", "Juniper", "Lake", "Laurel", "Linden", "Lumen", "Maple", "Marble", "Meadow",
	"Mill", "Mist", "Moon",
};

/* As above. */
static const char company_ends[64][7] = {
	"bank", "beam", "bell", "bend", "bond", "bridge", "brook", "burn", "cast", "chart", "cliff",
	"coast", "core", "corn", "course", "craft", "crest", "cross", "dale", "deck", "fall", "fern",
	"field", "flow", "fold", "ford", "forge", "form", "gate", "glade", "grain", "grove", "guard",
	"haven", "helm", "hill", "hold", "lake", "land", "lane", "lark", "leaf", "light", "line",
	"link", "lode", "loom", "mark", "mead", "mere", "mill", "mont", "more", "path", "peak",
	"pine", "point", "port", "reach", "ridge", "ring", "rise", "stead", "stone",
};

/* And its legal form. */
static const char company_forms[8][5] = {
	"GmbH", "Ltd.", "Inc.", "SA", "AG", "LLC", "BV", "Oy",
};

