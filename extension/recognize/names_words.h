/*
 * names_words.h - words that columns are named by
 *
 * In small letters of ASCII, without what stands between words. Of a name its
 * words are tried one by one and joined, so "dateofbirth" is for date_of_birth
 * and dateOfBirth, too. Included by names.c alone.
 */
/* clang-format off */

/* How sure such a name is: in percent; with WHOLE only if nothing else is in the name than who is meant. */
#define WHOLE 0x80

static const struct
{
	const char *word;
	uint8_t kind;
	uint8_t weight;
} words[] = {
	/* e-mail */
	{"email", SENSITIVE_EMAIL, 80}, {"emailaddress", SENSITIVE_EMAIL, 90}, {"mailaddress", SENSITIVE_EMAIL, 85},
	{"emailaddr", SENSITIVE_EMAIL, 90}, {"mail", SENSITIVE_EMAIL, 60}, {"emails", SENSITIVE_EMAIL, 80},
	{"emailadresse", SENSITIVE_EMAIL, 90}, {"mailadresse", SENSITIVE_EMAIL, 85}, {"courriel", SENSITIVE_EMAIL, 85},
	{"adressemail", SENSITIVE_EMAIL, 85}, {"adresseemail", SENSITIVE_EMAIL, 90}, {"correo", SENSITIVE_EMAIL, 75},
	{"correoelectronico", SENSITIVE_EMAIL, 90}, {"postaelettronica", SENSITIVE_EMAIL, 85}, {"epost", SENSITIVE_EMAIL, 80},
	{"correioeletronico", SENSITIVE_EMAIL, 90}, {"mel", SENSITIVE_EMAIL, 30},
	/* telephone */
	{"phone", SENSITIVE_PHONE, 80}, {"phonenumber", SENSITIVE_PHONE, 90}, {"phoneno", SENSITIVE_PHONE, 90},
	{"phones", SENSITIVE_PHONE, 80}, {"telephone", SENSITIVE_PHONE, 85}, {"telephonenumber", SENSITIVE_PHONE, 90},
	{"tel", SENSITIVE_PHONE, 65}, {"mobile", SENSITIVE_PHONE, 60}, {"mobilenumber", SENSITIVE_PHONE, 90},
	{"mobilephone", SENSITIVE_PHONE, 90}, {"cell", SENSITIVE_PHONE, 40 | WHOLE}, {"cellphone", SENSITIVE_PHONE, 90},
	{"msisdn", SENSITIVE_PHONE, 90}, {"fax", SENSITIVE_PHONE, 60}, {"faxnumber", SENSITIVE_PHONE, 70},
	{"whatsapp", SENSITIVE_PHONE, 60}, {"telefon", SENSITIVE_PHONE, 85}, {"telefonnummer", SENSITIVE_PHONE, 90},
	{"telefonnr", SENSITIVE_PHONE, 90}, {"rufnummer", SENSITIVE_PHONE, 85}, {"handy", SENSITIVE_PHONE, 65},
	{"handynummer", SENSITIVE_PHONE, 90}, {"mobilnummer", SENSITIVE_PHONE, 90}, {"mobil", SENSITIVE_PHONE, 55},
	{"portable", SENSITIVE_PHONE, 35 | WHOLE}, {"numerotelephone", SENSITIVE_PHONE, 90}, {"telefono", SENSITIVE_PHONE, 85},
	{"numerotelefono", SENSITIVE_PHONE, 90}, {"movil", SENSITIVE_PHONE, 60}, {"celular", SENSITIVE_PHONE, 75},
	{"cellulare", SENSITIVE_PHONE, 80}, {"telefone", SENSITIVE_PHONE, 85}, {"telemovel", SENSITIVE_PHONE, 85},
	{"telefoon", SENSITIVE_PHONE, 85}, {"telefoonnummer", SENSITIVE_PHONE, 90},
	/* payment cards */
	{"card", SENSITIVE_CARD, 35 | WHOLE}, {"cardnumber", SENSITIVE_CARD, 85}, {"cardno", SENSITIVE_CARD, 80},
	{"creditcard", SENSITIVE_CARD, 85}, {"creditcardnumber", SENSITIVE_CARD, 95}, {"debitcard", SENSITIVE_CARD, 85},
	{"ccnumber", SENSITIVE_CARD, 85}, {"ccnum", SENSITIVE_CARD, 85}, {"ccno", SENSITIVE_CARD, 80},
	{"pan", SENSITIVE_CARD, 50}, {"cvv", SENSITIVE_PASSWORD, 90}, {"cvc", SENSITIVE_PASSWORD, 85}, {"cvv2", SENSITIVE_PASSWORD, 90},
	{"kreditkarte", SENSITIVE_CARD, 85}, {"kreditkartennummer", SENSITIVE_CARD, 95}, {"kartennummer", SENSITIVE_CARD, 75},
	{"cartebancaire", SENSITIVE_CARD, 85}, {"numerocarte", SENSITIVE_CARD, 80}, {"tarjeta", SENSITIVE_CARD, 60},
	{"numerotarjeta", SENSITIVE_CARD, 85}, {"tarjetacredito", SENSITIVE_CARD, 85}, {"cartadicredito", SENSITIVE_CARD, 85},
	{"numerocarta", SENSITIVE_CARD, 70}, {"cartaocredito", SENSITIVE_CARD, 85}, {"numerocartao", SENSITIVE_CARD, 85},
	/* bank accounts */
	{"iban", SENSITIVE_BANK_ACCOUNT, 90}, {"bankaccount", SENSITIVE_BANK_ACCOUNT, 85},
	{"bankaccountnumber", SENSITIVE_BANK_ACCOUNT, 90}, {"accountnumber", SENSITIVE_BANK_ACCOUNT, 60},
	{"accountno", SENSITIVE_BANK_ACCOUNT, 55}, {"kontonummer", SENSITIVE_BANK_ACCOUNT, 80}, {"kontonr", SENSITIVE_BANK_ACCOUNT, 80},
	{"bankverbindung", SENSITIVE_BANK_ACCOUNT, 85}, {"comptebancaire", SENSITIVE_BANK_ACCOUNT, 85},
	{"numerocompte", SENSITIVE_BANK_ACCOUNT, 75}, {"rib", SENSITIVE_BANK_ACCOUNT, 55}, {"cuentabancaria", SENSITIVE_BANK_ACCOUNT, 85},
	{"numerocuenta", SENSITIVE_BANK_ACCOUNT, 75}, {"contobancario", SENSITIVE_BANK_ACCOUNT, 85},
	{"contabancaria", SENSITIVE_BANK_ACCOUNT, 85}, {"rekeningnummer", SENSITIVE_BANK_ACCOUNT, 80},
	/* addresses in the network, devices */
	{"ip", SENSITIVE_IP, 75}, {"ipaddress", SENSITIVE_IP, 90}, {"ipaddr", SENSITIVE_IP, 90}, {"ipv4", SENSITIVE_IP, 85},
	{"ipv6", SENSITIVE_IP, 85}, {"remoteaddr", SENSITIVE_IP, 80}, {"clientip", SENSITIVE_IP, 85}, {"ipadresse", SENSITIVE_IP, 90},
	{"adresseip", SENSITIVE_IP, 90}, {"direccionip", SENSITIVE_IP, 90}, {"indirizzoip", SENSITIVE_IP, 90}, {"enderecoip", SENSITIVE_IP, 90},
	{"mac", SENSITIVE_DEVICE, 50}, {"macaddress", SENSITIVE_DEVICE, 90}, {"macaddr", SENSITIVE_DEVICE, 90},
	{"imei", SENSITIVE_DEVICE, 90}, {"imsi", SENSITIVE_DEVICE, 90}, {"deviceid", SENSITIVE_DEVICE, 70}, {"idfa", SENSITIVE_DEVICE, 85},
	{"advertisingid", SENSITIVE_DEVICE, 85}, {"devicefingerprint", SENSITIVE_DEVICE, 80},
	/* birth */
	{"birthdate", SENSITIVE_BIRTH_DATE, 95}, {"dateofbirth", SENSITIVE_BIRTH_DATE, 95}, {"dob", SENSITIVE_BIRTH_DATE, 90},
	{"birthday", SENSITIVE_BIRTH_DATE, 90}, {"born", SENSITIVE_BIRTH_DATE, 75}, {"birth", SENSITIVE_BIRTH_DATE, 70},
	{"bornon", SENSITIVE_BIRTH_DATE, 85}, {"birthyear", SENSITIVE_BIRTH_DATE, 80}, {"yearofbirth", SENSITIVE_BIRTH_DATE, 80},
	{"geburtsdatum", SENSITIVE_BIRTH_DATE, 95}, {"geburtstag", SENSITIVE_BIRTH_DATE, 90}, {"gebdat", SENSITIVE_BIRTH_DATE, 90},
	{"geburtsjahr", SENSITIVE_BIRTH_DATE, 80}, {"geboren", SENSITIVE_BIRTH_DATE, 80}, {"datedenaissance", SENSITIVE_BIRTH_DATE, 95},
	{"datenaissance", SENSITIVE_BIRTH_DATE, 95}, {"naissance", SENSITIVE_BIRTH_DATE, 75}, {"fechadenacimiento", SENSITIVE_BIRTH_DATE, 95},
	{"fechanacimiento", SENSITIVE_BIRTH_DATE, 95}, {"nacimiento", SENSITIVE_BIRTH_DATE, 75}, {"datadinascita", SENSITIVE_BIRTH_DATE, 95},
	{"datanascita", SENSITIVE_BIRTH_DATE, 95}, {"nascita", SENSITIVE_BIRTH_DATE, 75}, {"datanascimento", SENSITIVE_BIRTH_DATE, 95},
	{"datadenascimento", SENSITIVE_BIRTH_DATE, 95}, {"nascimento", SENSITIVE_BIRTH_DATE, 75}, {"geboortedatum", SENSITIVE_BIRTH_DATE, 95},
	{"dataurodzenia", SENSITIVE_BIRTH_DATE, 95}, {"fodelsedatum", SENSITIVE_BIRTH_DATE, 95},
	/* numbers of states */
	{"ssn", SENSITIVE_NATIONAL_ID, 95}, {"socialsecurity", SENSITIVE_NATIONAL_ID, 90}, {"socialsecuritynumber", SENSITIVE_NATIONAL_ID, 95},
	{"nationalid", SENSITIVE_NATIONAL_ID, 90}, {"nationalidnumber", SENSITIVE_NATIONAL_ID, 90}, {"taxid", SENSITIVE_NATIONAL_ID, 75},
	{"taxnumber", SENSITIVE_NATIONAL_ID, 75}, {"tin", SENSITIVE_NATIONAL_ID, 50}, {"passport", SENSITIVE_NATIONAL_ID, 80},
	{"passportnumber", SENSITIVE_NATIONAL_ID, 90}, {"passportno", SENSITIVE_NATIONAL_ID, 90}, {"driverlicense", SENSITIVE_NATIONAL_ID, 85},
	{"driverslicense", SENSITIVE_NATIONAL_ID, 85}, {"drivinglicence", SENSITIVE_NATIONAL_ID, 85}, {"licenseplate", SENSITIVE_NATIONAL_ID, 70},
	{"nino", SENSITIVE_NATIONAL_ID, 70}, {"nhsnumber", SENSITIVE_NATIONAL_ID, 90}, {"aadhaar", SENSITIVE_NATIONAL_ID, 95},
	{"steuerid", SENSITIVE_NATIONAL_ID, 90}, {"steuernummer", SENSITIVE_NATIONAL_ID, 85}, {"steueridentifikationsnummer", SENSITIVE_NATIONAL_ID, 95},
	{"sozialversicherungsnummer", SENSITIVE_NATIONAL_ID, 95}, {"svnr", SENSITIVE_NATIONAL_ID, 75}, {"ausweisnummer", SENSITIVE_NATIONAL_ID, 90},
	{"personalausweis", SENSITIVE_NATIONAL_ID, 85}, {"reisepass", SENSITIVE_NATIONAL_ID, 85}, {"kennzeichen", SENSITIVE_NATIONAL_ID, 45},
	{"numerosecu", SENSITIVE_NATIONAL_ID, 90}, {"securitesociale", SENSITIVE_NATIONAL_ID, 90}, {"nir", SENSITIVE_NATIONAL_ID, 60},
	{"passeport", SENSITIVE_NATIONAL_ID, 85}, {"dni", SENSITIVE_NATIONAL_ID, 80}, {"nie", SENSITIVE_NATIONAL_ID, 55}, {"nif", SENSITIVE_NATIONAL_ID, 75},
	{"pasaporte", SENSITIVE_NATIONAL_ID, 85}, {"seguridadsocial", SENSITIVE_NATIONAL_ID, 85}, {"codicefiscale", SENSITIVE_NATIONAL_ID, 95},
	{"passaporto", SENSITIVE_NATIONAL_ID, 85}, {"cpf", SENSITIVE_NATIONAL_ID, 90}, {"rg", SENSITIVE_NATIONAL_ID, 40 | WHOLE}, {"passaporte", SENSITIVE_NATIONAL_ID, 85},
	{"bsn", SENSITIVE_NATIONAL_ID, 85}, {"burgerservicenummer", SENSITIVE_NATIONAL_ID, 95}, {"pesel", SENSITIVE_NATIONAL_ID, 95},
	{"personnummer", SENSITIVE_NATIONAL_ID, 95}, {"personalnumber", SENSITIVE_NATIONAL_ID, 50},
	/* names of people */
	{"firstname", SENSITIVE_NAME, 90}, {"lastname", SENSITIVE_NAME, 90}, {"middlename", SENSITIVE_NAME, 85}, {"fname", SENSITIVE_NAME, 75},
	{"lname", SENSITIVE_NAME, 75}, {"surname", SENSITIVE_NAME, 90}, {"givenname", SENSITIVE_NAME, 90}, {"familyname", SENSITIVE_NAME, 90},
	{"fullname", SENSITIVE_NAME, 85}, {"maidenname", SENSITIVE_NAME, 90}, {"birthname", SENSITIVE_NAME, 90}, {"forename", SENSITIVE_NAME, 90},
	{"personname", SENSITIVE_NAME, 90}, {"displayname", SENSITIVE_NAME, 50}, {"name", SENSITIVE_NAME, 40 | WHOLE}, {"cardholder", SENSITIVE_NAME, 75},
	{"cardholdername", SENSITIVE_NAME, 90}, {"accountholder", SENSITIVE_NAME, 80}, {"contactname", SENSITIVE_NAME, 75}, {"nextofkin", SENSITIVE_NAME, 80},
	{"vorname", SENSITIVE_NAME, 90}, {"nachname", SENSITIVE_NAME, 90}, {"familienname", SENSITIVE_NAME, 90}, {"geburtsname", SENSITIVE_NAME, 90},
	{"kontoinhaber", SENSITIVE_NAME, 80}, {"ansprechpartner", SENSITIVE_NAME, 75}, {"prenom", SENSITIVE_NAME, 90}, {"nom", SENSITIVE_NAME, 55 | WHOLE},
	{"nomdefamille", SENSITIVE_NAME, 90}, {"nomprenom", SENSITIVE_NAME, 90}, {"nombre", SENSITIVE_NAME, 45 | WHOLE}, {"apellido", SENSITIVE_NAME, 90},
	{"apellidos", SENSITIVE_NAME, 90}, {"nombrecompleto", SENSITIVE_NAME, 90}, {"cognome", SENSITIVE_NAME, 90}, {"nome", SENSITIVE_NAME, 45 | WHOLE},
	{"nomecompleto", SENSITIVE_NAME, 90}, {"sobrenome", SENSITIVE_NAME, 90}, {"apelido", SENSITIVE_NAME, 80}, {"voornaam", SENSITIVE_NAME, 90},
	{"achternaam", SENSITIVE_NAME, 90}, {"imie", SENSITIVE_NAME, 80}, {"nazwisko", SENSITIVE_NAME, 90}, {"fornamn", SENSITIVE_NAME, 90}, {"efternamn", SENSITIVE_NAME, 90},
	/* addresses */
	{"address", SENSITIVE_ADDRESS, 65 | WHOLE}, {"addressline", SENSITIVE_ADDRESS, 80}, {"streetaddress", SENSITIVE_ADDRESS, 90},
	{"postaladdress", SENSITIVE_ADDRESS, 90}, {"homeaddress", SENSITIVE_ADDRESS, 90}, {"mailingaddress", SENSITIVE_ADDRESS, 85},
	{"billingaddress", SENSITIVE_ADDRESS, 85}, {"shippingaddress", SENSITIVE_ADDRESS, 85}, {"deliveryaddress", SENSITIVE_ADDRESS, 85},
	{"street", SENSITIVE_ADDRESS, 70}, {"streetname", SENSITIVE_ADDRESS, 75}, {"housenumber", SENSITIVE_ADDRESS, 75}, {"addr", SENSITIVE_ADDRESS, 55 | WHOLE},
	{"anschrift", SENSITIVE_ADDRESS, 85}, {"adresse", SENSITIVE_ADDRESS, 70 | WHOLE}, {"strasse", SENSITIVE_ADDRESS, 75}, {"hausnummer", SENSITIVE_ADDRESS, 75},
	{"wohnort", SENSITIVE_ADDRESS, 70}, {"rue", SENSITIVE_ADDRESS, 70}, {"direccion", SENSITIVE_ADDRESS, 65}, {"calle", SENSITIVE_ADDRESS, 70},
	{"domicilio", SENSITIVE_ADDRESS, 75}, {"indirizzo", SENSITIVE_ADDRESS, 70}, {"endereco", SENSITIVE_ADDRESS, 70}, {"morada", SENSITIVE_ADDRESS, 70},
	{"adres", SENSITIVE_ADDRESS, 70}, {"straat", SENSITIVE_ADDRESS, 75}, {"birthplace", SENSITIVE_ADDRESS, 70}, {"placeofbirth", SENSITIVE_ADDRESS, 75},
	{"geburtsort", SENSITIVE_ADDRESS, 75}, {"lieudenaissance", SENSITIVE_ADDRESS, 75}, {"luogodinascita", SENSITIVE_ADDRESS, 75},
	{"postalcode", SENSITIVE_POSTAL_CODE, 75}, {"postcode", SENSITIVE_POSTAL_CODE, 75}, {"zip", SENSITIVE_POSTAL_CODE, 60}, {"zipcode", SENSITIVE_POSTAL_CODE, 75},
	{"plz", SENSITIVE_POSTAL_CODE, 75}, {"postleitzahl", SENSITIVE_POSTAL_CODE, 75}, {"codepostal", SENSITIVE_POSTAL_CODE, 75},
	{"codigopostal", SENSITIVE_POSTAL_CODE, 75}, {"cap", SENSITIVE_POSTAL_CODE, 35 | WHOLE}, {"cep", SENSITIVE_POSTAL_CODE, 60},
	/* places */
	{"latitude", SENSITIVE_LOCATION, 80}, {"longitude", SENSITIVE_LOCATION, 80}, {"lat", SENSITIVE_LOCATION, 60}, {"lon", SENSITIVE_LOCATION, 55},
	{"lng", SENSITIVE_LOCATION, 65}, {"latlng", SENSITIVE_LOCATION, 80}, {"latlon", SENSITIVE_LOCATION, 80}, {"coordinates", SENSITIVE_LOCATION, 65},
	{"geolocation", SENSITIVE_LOCATION, 80}, {"gps", SENSITIVE_LOCATION, 75}, {"breitengrad", SENSITIVE_LOCATION, 80}, {"laengengrad", SENSITIVE_LOCATION, 80},
	{"latitud", SENSITIVE_LOCATION, 80}, {"longitud", SENSITIVE_LOCATION, 80}, {"latitudine", SENSITIVE_LOCATION, 80}, {"longitudine", SENSITIVE_LOCATION, 80},
	/* secrets */
	{"password", SENSITIVE_PASSWORD, 95}, {"passwd", SENSITIVE_PASSWORD, 95}, {"pwd", SENSITIVE_PASSWORD, 90}, {"passphrase", SENSITIVE_PASSWORD, 95},
	{"passwordhash", SENSITIVE_PASSWORD_HASH, 95}, {"hashedpassword", SENSITIVE_PASSWORD_HASH, 95}, {"passwordsalt", SENSITIVE_PASSWORD, 85},
	{"encryptedpassword", SENSITIVE_PASSWORD_HASH, 90}, {"passworddigest", SENSITIVE_PASSWORD_HASH, 95}, {"pwhash", SENSITIVE_PASSWORD_HASH, 90},
	{"pin", SENSITIVE_PASSWORD, 55}, {"pincode", SENSITIVE_PASSWORD, 55}, {"secret", SENSITIVE_PASSWORD, 80}, {"clientsecret", SENSITIVE_PASSWORD, 95},
	{"totpsecret", SENSITIVE_PASSWORD, 95}, {"otpsecret", SENSITIVE_PASSWORD, 95}, {"securityanswer", SENSITIVE_PASSWORD, 90},
	{"recoverycode", SENSITIVE_PASSWORD, 90}, {"recoverycodes", SENSITIVE_PASSWORD, 90}, {"passwort", SENSITIVE_PASSWORD, 95}, {"kennwort", SENSITIVE_PASSWORD, 95},
	{"motdepasse", SENSITIVE_PASSWORD, 95}, {"mdp", SENSITIVE_PASSWORD, 75}, {"contrasena", SENSITIVE_PASSWORD, 95}, {"clave", SENSITIVE_PASSWORD, 50 | WHOLE},
	{"senha", SENSITIVE_PASSWORD, 95}, {"wachtwoord", SENSITIVE_PASSWORD, 95}, {"haslo", SENSITIVE_PASSWORD, 90}, {"losenord", SENSITIVE_PASSWORD, 90},
	{"apikey", SENSITIVE_ACCESS_KEY, 90}, {"accesskey", SENSITIVE_ACCESS_KEY, 90}, {"secretkey", SENSITIVE_ACCESS_KEY, 95}, {"apisecret", SENSITIVE_ACCESS_KEY, 95},
	{"apitoken", SENSITIVE_ACCESS_KEY, 90}, {"authtoken", SENSITIVE_TOKEN, 90}, {"accesstoken", SENSITIVE_TOKEN, 90}, {"refreshtoken", SENSITIVE_TOKEN, 95},
	{"sessiontoken", SENSITIVE_TOKEN, 90}, {"idtoken", SENSITIVE_TOKEN, 85}, {"resettoken", SENSITIVE_TOKEN, 90}, {"bearertoken", SENSITIVE_TOKEN, 90}, {"jwt", SENSITIVE_TOKEN, 90},
	{"token", SENSITIVE_TOKEN, 60}, {"cookie", SENSITIVE_TOKEN, 55}, {"privatekey", SENSITIVE_PRIVATE_KEY, 95}, {"signingkey", SENSITIVE_PRIVATE_KEY, 85},
	{"connectionstring", SENSITIVE_ACCESS_KEY, 75}, {"credentials", SENSITIVE_PASSWORD, 80},
	/* who somebody is */
	{"username", SENSITIVE_USER_NAME, 65}, {"loginname", SENSITIVE_USER_NAME, 65}, {"login", SENSITIVE_USER_NAME, 50 | WHOLE}, {"nickname", SENSITIVE_USER_NAME, 60},
	{"benutzername", SENSITIVE_USER_NAME, 65}, {"nomutilisateur", SENSITIVE_USER_NAME, 65}, {"nombreusuario", SENSITIVE_USER_NAME, 65}, {"twitter", SENSITIVE_USER_NAME, 50 | WHOLE},
	{"gender", SENSITIVE_GENDER, 75}, {"sex", SENSITIVE_GENDER, 75}, {"geschlecht", SENSITIVE_GENDER, 75}, {"sexe", SENSITIVE_GENDER, 75},
	{"sexo", SENSITIVE_GENDER, 75}, {"sesso", SENSITIVE_GENDER, 75}, {"genero", SENSITIVE_GENDER, 60}, {"maritalstatus", SENSITIVE_GENDER, 70}, {"familienstand", SENSITIVE_GENDER, 70},
	{"pronouns", SENSITIVE_GENDER, 70},
	{"salary", SENSITIVE_INCOME, 85}, {"income", SENSITIVE_INCOME, 75}, {"wage", SENSITIVE_INCOME, 80}, {"wages", SENSITIVE_INCOME, 80}, {"bonus", SENSITIVE_INCOME, 40 | WHOLE},
	{"gehalt", SENSITIVE_INCOME, 85}, {"lohn", SENSITIVE_INCOME, 80}, {"einkommen", SENSITIVE_INCOME, 80}, {"salaire", SENSITIVE_INCOME, 85}, {"revenu", SENSITIVE_INCOME, 60},
	{"salario", SENSITIVE_INCOME, 85}, {"sueldo", SENSITIVE_INCOME, 85}, {"stipendio", SENSITIVE_INCOME, 85}, {"creditscore", SENSITIVE_INCOME, 85}, {"networth", SENSITIVE_INCOME, 80},
	{"diagnosis", SENSITIVE_HEALTH, 90}, {"diagnoses", SENSITIVE_HEALTH, 90}, {"medicalhistory", SENSITIVE_HEALTH, 95}, {"medicalrecord", SENSITIVE_HEALTH, 90},
	{"medication", SENSITIVE_HEALTH, 85}, {"medications", SENSITIVE_HEALTH, 85}, {"bloodtype", SENSITIVE_HEALTH, 90}, {"bloodgroup", SENSITIVE_HEALTH, 90}, {"allergies", SENSITIVE_HEALTH, 85},
	{"allergy", SENSITIVE_HEALTH, 80}, {"disability", SENSITIVE_HEALTH, 85}, {"icd10", SENSITIVE_HEALTH, 85}, {"icd", SENSITIVE_HEALTH, 70}, {"symptoms", SENSITIVE_HEALTH, 80},
	{"diagnose", SENSITIVE_HEALTH, 90}, {"krankheit", SENSITIVE_HEALTH, 85}, {"blutgruppe", SENSITIVE_HEALTH, 90}, {"behinderung", SENSITIVE_HEALTH, 85}, {"krankenkasse", SENSITIVE_HEALTH, 70},
	{"diagnostic", SENSITIVE_HEALTH, 50}, {"groupesanguin", SENSITIVE_HEALTH, 90}, {"diagnostico", SENSITIVE_HEALTH, 85}, {"gruposanguineo", SENSITIVE_HEALTH, 90},
	{"diagnosi", SENSITIVE_HEALTH, 90}, {"grupposanguigno", SENSITIVE_HEALTH, 90},
	{"religion", SENSITIVE_BELIEF, 90}, {"religiousbelief", SENSITIVE_BELIEF, 95}, {"ethnicity", SENSITIVE_BELIEF, 90}, {"race", SENSITIVE_BELIEF, 50 | WHOLE},
	{"politicalparty", SENSITIVE_BELIEF, 85}, {"politicalaffiliation", SENSITIVE_BELIEF, 90}, {"sexualorientation", SENSITIVE_BELIEF, 95}, {"unionmember", SENSITIVE_BELIEF, 80},
	{"tradeunion", SENSITIVE_BELIEF, 80}, {"konfession", SENSITIVE_BELIEF, 90}, {"religionszugehoerigkeit", SENSITIVE_BELIEF, 95}, {"ethnie", SENSITIVE_BELIEF, 85},
	{"religione", SENSITIVE_BELIEF, 90}, {"religiao", SENSITIVE_BELIEF, 90}, {"nationality", SENSITIVE_BELIEF, 60}, {"criminalrecord", SENSITIVE_BELIEF, 95}, {"fingerprint", SENSITIVE_BELIEF, 40 | WHOLE},
	{"biometric", SENSITIVE_BELIEF, 90}, {"staatsangehoerigkeit", SENSITIVE_BELIEF, 60}, {"nacionalidad", SENSITIVE_BELIEF, 60},
};

/* Who or what is meant, in names of columns, and of tables about people: "customer_name" is a name as "name" is. */
static const char *const people[] = {
	"account", "applicant", "author", "buyer", "candidate", "citizen", "client", "clients", "contact", "contacts", "customer", "customers", "doctor", "driver",
	"employee", "employees", "guest", "guests", "holder", "lead", "leads", "member", "members", "owner", "parent", "passenger", "patient", "patients", "payer", "people",
	"person", "persons", "profile", "profiles", "recipient", "sender", "staff", "student", "students", "subscriber", "subscribers", "teacher", "user", "users", "visitor",
	"voter", "kunde", "kunden", "mitarbeiter", "benutzer", "patienten", "personen", "empfaenger", "schueler", "mitglied", "mitglieder", "personne", "personnes",
	"utilisateur", "utilisateurs", "employe", "salarie", "eleve", "persona", "personas", "cliente", "clientes", "usuario", "usuarios", "empleado", "empleados", "alumno",
	"paciente", "pacientes", "utente", "utenti", "clienti", "dipendente", "dipendenti", "paziente", "pessoa", "pessoas", "funcionario", "klant", "klanten", "klient", "klienci",
};

/* Which of several: as good as not there. */
static const char *const which[] = {
	"alternate", "alt", "backup", "billing", "business", "col", "current", "daytime", "default", "delivery", "emergency", "fld", "home", "legal", "mailing", "main", "my", "new",
	"no", "nr", "num", "number", "old", "original", "other", "personal", "plain", "previous", "primary", "private", "raw", "secondary", "shipping", "text", "txt", "value", "work",
};

/* About a value, not one: "email_verified", "phone_type". At the end of a name, or at its beginning. */
static const char *const about[] = {
	"accepted", "active", "allowed", "at", "attempts", "bounced", "brand", "changed", "checked", "code", "confirmed", "count", "created", "domain", "enabled", "error", "expires",
	"expiry", "flag", "format", "hidden", "id", "ids", "key", "kind", "label", "length", "limit", "locale", "method", "notification", "notifications", "optin", "policy", "prefix",
	"provider", "reminder", "required", "sent", "size", "source", "status", "subject", "template", "time", "total", "type", "updated", "uuid", "valid", "validated", "verified", "version",
};
static const char *const about_before[] = {
	"allow", "can", "count", "has", "is", "last", "max", "min", "n", "num", "send", "should", "total", "use", "uses", "with",
};
