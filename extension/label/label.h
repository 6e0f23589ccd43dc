/*
 * label.h
 *		The classes of plain columns, and which tables are masked. They are
 *		security labels, so that they follow renames, drops and dumps.
 */
#ifndef TAROT_LABEL_LABEL_H
#define TAROT_LABEL_LABEL_H

#include "nodes/plannodes.h"

#include "class/class.h"

/*
 * The labels: of a column "class:" and the name of the class, or
 * "unclassified"; of a table "masked"; of a view "masking", or "masking *"
 * where it is to show all columns of its table.
 */
#define LABEL_PROVIDER "tarot_security"
#define LABEL_CLASS "class:"
#define LABEL_UNCLASSIFIED "unclassified"
#define LABEL_MASKED "masked"
#define LABEL_MASKING "masking"
#define LABEL_MASKING_ALL "masking *"

/*
 * The class of a column about which nobody has said what it is, or more than
 * one thing. It does not exist, and nobody can be granted it.
 */
#define CLASS_UNCLASSIFIED CLASS_LITERAL

typedef struct LabelledTable
{
	Oid relation;
	int natts;
	int labelled;   /* how many columns have a class */
	int32 *classes; /* by attribute number - 1; CLASS_NONE: none */
	bool masked;    /* tarot.mask_table() was called */
	bool masking;   /* a view that shows masks to those who may not see values */
} LabelledTable;

/* What LabelExists remembers. */
typedef enum LabelState
{
	LABELS_UNKNOWN,
	LABELS_NONE,
	LABELS_SOME,
} LabelState;

extern LabelState LabelsKnown;
extern bool LabelLookForAny(void);

/* Whether any table of this database may have labels. */
static inline bool
LabelExists(void)
{
	return likely(LabelsKnown == LABELS_NONE) ? false : LabelLookForAny();
}

/*
 * A table's labels, NULL for none: a copy in the caller's memory context. A
 * class is that of the column's own label; a generated column without one has
 * that of the columns it is computed from. Columns of a type that has a class
 * itself are not among them.
 */
extern LabelledTable *LabelFind(Oid relation);

/* Who may grant classes could grant any right to itself. */
extern bool LabelAdministersClasses(Oid role);

/* The text of an object's own label, or NULL. */
extern char *LabelOf(Oid relation, AttrNumber column);

/*
 * After a table was altered: a column that was generated, and is not any more,
 * keeps the class that it had by that, since it keeps its values.
 */
extern void LabelCarry(const LabelledTable *before);

/*
 * Columns that a plan reads without the server's asking for the privilege, which so does
 * not tell of them: marked by who plans it, in turns of a table and its columns.
 */
typedef struct LabelTaken
{
	List *tables;  /* of each column, by OID */
	List *columns; /* by number */
} LabelTaken;

extern void LabelMarkTaken(PlannedStmt *statement, const LabelTaken *taken);

/* Those of a table; NULL: none. */
extern Bitmapset *LabelFindTaken(const PlannedStmt *statement, Oid relation);

/* Tells which types have a class themselves: this floor is below theirs. */
typedef bool (*LabelTypeCheck)(Oid type);

extern void LabelRegisterClassedTypes(LabelTypeCheck has_class);
extern bool LabelTypeHasClass(Oid type);

extern void LabelInit(void);

#endif
