/*
 * note.c
 *		What a client's statement reads, and the events that tell it.
 *
 * All that is told by names is looked up while the statement runs: when it has
 * failed no catalog can be read.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "class/class.h"
#include "class/purpose.h"
#include "events/event.h"
#include "events/line.h"
#include "identity/session.h"
#include "reads/note.h"

/* Of the details: with the other texts of an event it fits into one. */
#define DETAILS_SIZE 1400

/* What a list of columns leaves for the rest. */
#define DETAILS_REST 64

/* What a purpose takes at most, each of its bytes escaped, and the rest of the end. */
#define DETAILS_PURPOSE 430
#define DETAILS_END 50

/* Of whom values were shown to; an event keeps less. */
#define SUBJECT_MAX 512

uint64 ReadNotesTold = 0;

static MemoryContext note_context;
static List *all_notes;

void
ReadNotesInit(void)
{
	note_context =
		AllocSetContextCreate(TopMemoryContext, "tarot_security reads", ALLOCSET_SMALL_SIZES);
}

/* ---------------------------------------------------------------- taking note */

static Bytes
current_subject(void)
{
	Bytes prefix;
	Bytes subject;
	char *text;

	if (EventSubject == NULL || !EventSubject(&prefix, &subject) || subject.len == 0)
		return bytes_view(NULL, 0);
	text = palloc(prefix.len + subject.len);
	if (prefix.len > 0)
		memcpy(text, prefix.data, prefix.len);
	memcpy(text + prefix.len, subject.data, subject.len);
	return bytes_view(text, prefix.len + subject.len);
}

/* Whether this is the one whom an event would name now. */
static bool
is_current_subject(Bytes subject)
{
	Bytes prefix;
	Bytes name;

	if (EventSubject == NULL || !EventSubject(&prefix, &name) || name.len == 0)
		return subject.len == 0;
	return subject.len == prefix.len + name.len &&
		   (prefix.len == 0 || memcmp(subject.data, prefix.data, prefix.len) == 0) &&
		   memcmp(subject.data + prefix.len, name.data, name.len) == 0;
}

/*
 * Whether it tells of who reads now, and what for. What is told counts, not how often it was
 * stated: a loop that states the same purpose before each read makes one note.
 */
static bool
is_of_now(ReadNote *note)
{
	const char *stated;

	if (likely(note->identity == IdentityEpoch && note->purpose == PurposeEpoch))
		return true;
	stated = PurposeStated();
	if ((stated == NULL) != (note->stated == NULL) ||
		(stated != NULL && strcmp(stated, note->stated) != 0) ||
		(note->identity != IdentityEpoch && !is_current_subject(note->subject)))
		return false;
	note->identity = IdentityEpoch;
	note->purpose = PurposeEpoch;
	return true;
}

/*
 * What was shown before is not told of: of classes that are on record that is so already. Nor what
 * was compared while a statement was planned that may not have run.
 */
static void
begin_counting(void)
{
	for (GateCounts *counts = GateCountsFirst(); counts != NULL; counts = counts->next)
	{
		if (ReadClassName(counts->class_id) == NULL)
			counts->told = counts->seen;
		counts->told.searched = counts->seen.searched;
	}
}

static ReadNote *
find_note(Oid relation, int32 class_id, const char *action)
{
	Oid role = GetUserId();
	ReadNote *note;
	ListCell *cell;

	foreach (cell, all_notes)
	{
		note = lfirst(cell);
		if (note->relation == relation && note->class_id == class_id && note->role == role &&
			note->action == action && is_of_now(note))
			return note;
	}
	note = palloc0(sizeof(ReadNote));
	note->relation = relation;
	note->class_id = class_id;
	note->role = role;
	note->action = action;
	note->identity = IdentityEpoch;
	note->purpose = PurposeEpoch;
	note->subject = current_subject();
	note->stated = PurposeStated() != NULL ? pstrdup(PurposeStated()) : NULL;
	if (all_notes == NIL)
		begin_counting();
	all_notes = lappend(all_notes, note);
	return note;
}

static char *
name_of_class(int32 class_id)
{
	const DataClass *data_class = ClassFind(class_id);

	return data_class->exists ? pstrdup(data_class->name) : psprintf("#%d", class_id);
}

static ReadColumns *
find_columns(ReadNote *note, Oid relation, const char *name)
{
	ReadColumns *columns;
	ListCell *cell;

	foreach (cell, note->columns)
	{
		columns = lfirst(cell);
		if (columns->relation == relation)
			return columns;
	}
	columns = palloc0(sizeof(ReadColumns));
	columns->relation = relation;
	columns->table = pstrdup(name);
	note->columns = lappend(note->columns, columns);
	return columns;
}

/* False: they are there already. */
static bool
add_columns(ReadNote *note, Oid relation, const ReadTable *table, const Bitmapset *added)
{
	ReadColumns *columns = find_columns(note, relation, table->name);

	if (bms_is_subset(added, columns->numbers))
		return false;
	columns->numbers = bms_add_members(columns->numbers, added);
	columns->names = NIL;
	columns->gated = NIL;
	columns->all = true;
	for (int i = 0; i < table->natts; i++)
	{
		if (table->columns[i] == NULL)
			continue;
		if (bms_is_member(i + 1, columns->numbers))
		{
			columns->names = lappend(columns->names, pstrdup(table->columns[i]));
			columns->gated =
				lappend_int(columns->gated, table->gated[i] ? table->classes[i] : CLASS_NONE);
		}
		else
			columns->all = false;
	}
	return true;
}

static void
add_classes(ReadNote *note, const ReadTable *table)
{
	const ReadColumns *columns = linitial(note->columns);
	List *classes = NIL;
	int at = -1;
	ListCell *cell;

	while ((at = bms_next_member(columns->numbers, at)) >= 0)
	{
		if (table->classes[at - 1] != CLASS_NONE)
			classes = list_append_unique_int(classes, table->classes[at - 1]);
	}
	note->column_types = NIL;
	foreach (cell, classes)
		note->column_types = lappend(note->column_types, lfirst_int(cell) == CLASS_LITERAL
															 ? pstrdup("unclassified")
															 : name_of_class(lfirst_int(cell)));
}

List *
ReadNoteTable(Oid relation, const ReadTable *table, const Bitmapset *columns, bool of_table,
			  bool of_classes, const char *action, List *notes)
{
	MemoryContext outer = MemoryContextSwitchTo(note_context);

	if (of_table)
	{
		ReadNote *note = find_note(relation, CLASS_NONE, action);

		if (add_columns(note, relation, table, columns))
			add_classes(note, table);
		notes = list_append_unique_ptr(notes, note);
	}
	for (int i = 0; of_classes && i < table->natts; i++)
	{
		ReadNote *note;

		if (!bms_is_member(i + 1, columns) || ReadClassName(table->classes[i]) == NULL)
			continue;
		note = find_note(InvalidOid, table->classes[i], action);
		if (note->class_name == NULL)
			note->class_name = pstrdup(ReadClassName(note->class_id));
		(void) add_columns(note, relation, table, bms_make_singleton(i + 1));
		notes = list_append_unique_ptr(notes, note);
	}
	MemoryContextSwitchTo(outer);
	return notes;
}

/* ---------------------------------------------------------------- telling */

/* Whether all that was to be shown of a class was refused, in this process, and none compared. */
static bool
is_refused(int32 class_id, Oid role)
{
	for (const GateCounts *counts = GateCountsFirst(); counts != NULL; counts = counts->next)
	{
		if (class_id != CLASS_NONE && counts->class_id == class_id && counts->role == role)
			return counts->seen.refused > counts->told.refused &&
				   counts->seen.plain == counts->told.plain &&
				   counts->seen.masked == counts->told.masked &&
				   counts->seen.searched == counts->told.searched;
	}
	return false;
}

/* How many columns of a note showed nothing, to whom they were to be shown. */
static int
count_refused(const ReadColumns *columns, Oid role)
{
	int count = 0;
	ListCell *cell;

	foreach (cell, columns->gated)
		count += is_refused(lfirst_int(cell), role);
	return count;
}

static bool
are_all_refused(const ReadNote *note)
{
	ListCell *cell;

	foreach (cell, note->columns)
	{
		const ReadColumns *columns = lfirst(cell);

		if (count_refused(columns, note->role) < list_length(columns->names))
			return false;
	}
	return true;
}

/* As many as fit; returns how many do not. Of columns with classes only those that a role was
 * refused. */
static int
put_names(Line *line, const List *names, const List *classes, Oid role)
{
	int left = list_length(names);
	ListCell *cell;

	LinePut(line, "[");
	foreach (cell, names)
	{
		Line whole = *line;

		if (classes != NIL && !is_refused(list_nth_int(classes, foreach_current_index(cell)), role))
			continue;
		LinePut(&whole, line->text[line->len - 1] == '[' ? "" : ", ");
		LinePutString(&whole, lfirst(cell), SIZE_MAX);
		if (whole.full || whole.size - whole.len < DETAILS_REST)
		{
			line->text[line->len] = '\0';
			break;
		}
		*line = whole;
		left--;
	}
	LinePut(line, "]");
	return left;
}

/* Columns by their tables; likewise. */
static int
put_columns_of_tables(Line *line, const List *tables)
{
	int left = 0;
	ListCell *cell;

	LinePut(line, "{");
	foreach (cell, tables)
	{
		const ReadColumns *columns = lfirst(cell);
		Line whole = *line;

		LinePutName(&whole, columns->table);
		if (whole.full || whole.size - whole.len < 2 * DETAILS_REST)
		{
			line->text[line->len] = '\0';
			left += list_length(columns->names);
			continue;
		}
		*line = whole;
		left += put_names(line, columns->names, NIL, InvalidOid);
	}
	LinePut(line, "}");
	return left;
}

static void
put_seen(Line *line, const GateSeen *seen)
{
	LinePutNumber(line, "plain", seen->plain);
	LinePutNumber(line, "masked", seen->masked);
	LinePutNumber(line, "refused", seen->refused);
	if (seen->searched > 0)
	{
		LinePutName(line, "searched");
		LinePut(line, "true");
	}
}

/* What is told of a statement that is shared by several processes. */
static void
put_end(Line *line, const char *purpose, int more)
{
	if (more > 0)
		LinePutNumber(line, "more_columns", (uint64) more);
	if (purpose != NULL)
		LinePutMember(line, "purpose", purpose);
	if (IsParallelWorker())
	{
		LinePutName(line, "parallel_worker");
		LinePut(line, "true");
	}
	LinePut(line, "}");
}

static void
report(const char *action, const EventActor *actor, const char *details, bool failed)
{
	EventReport(&(SecurityEvent){.type = "READ",
								 .action = action,
								 .status = failed ? EVENT_FAILURE : EVENT_SUCCESS,
								 .json = details,
								 .actor = actor});
}

static void
tell_note(const ReadNote *note, bool failed)
{
	EventActor actor = {.role = note->role, .subject = note->subject};
	char text[DETAILS_SIZE];
	Line line = LINE_IN(text);
	int more;

	line.size -= DETAILS_END + (note->stated != NULL ? DETAILS_PURPOSE : 0);
	LinePut(&line, "{");
	if (note->class_id == CLASS_NONE)
	{
		const ReadColumns *columns = linitial(note->columns);

		LinePutMember(&line, "table", columns->table);
		LinePutNumber(&line, "relation", note->relation);
		LinePutNumber(&line, "rows", note->rows);
		LinePutNumber(&line, "runs", note->runs);
		LinePutName(&line, "classes");
		(void) put_names(&line, note->column_types, NIL, InvalidOid);
		LinePutName(&line, "columns");
		more = put_names(&line, columns->names, NIL, InvalidOid);
		if (more > 0 && columns->all)
		{
			LinePutName(&line, "all_columns");
			LinePut(&line, "true");
		}
		else if (count_refused(columns, note->role) > 0)
		{
			LinePutName(&line, "refused_columns");
			(void) put_names(&line, columns->names, columns->gated, note->role);
		}
	}
	else
	{
		LinePutMember(&line, "class", note->class_name);
		LinePutNumber(&line, "rows", note->rows);
		LinePutNumber(&line, "runs", note->runs);
		put_seen(&line, &note->seen);
		LinePutName(&line, "columns");
		more = put_columns_of_tables(&line, note->columns);
		if (are_all_refused(note))
		{
			LinePutName(&line, "all_refused");
			LinePut(&line, "true");
		}
	}
	line.size = sizeof(text);
	put_end(&line, note->stated, more);
	report(note->action, &actor, text, failed);
}

/* Values that were shown where no column of the class is read: they were in a variable, or this is
 * a parallel worker. */
static void
tell_counts(const GateCounts *counts, const GateSeen *seen, bool failed)
{
	Bytes prefix = {0};
	Bytes subject = {0};
	char name[SUBJECT_MAX];
	EventActor actor = {.role = counts->role};
	char text[DETAILS_SIZE];
	Line line = LINE_IN(text);

	if (EventSubject != NULL && EventSubject(&prefix, &subject) &&
		prefix.len + subject.len <= sizeof(name))
	{
		if (prefix.len > 0)
			memcpy(name, prefix.data, prefix.len);
		memcpy(name + prefix.len, subject.data, subject.len);
		actor.subject = bytes_view(name, prefix.len + subject.len);
	}
	LinePut(&line, "{");
	LinePutMember(&line, "class", ReadClassName(counts->class_id));
	put_seen(&line, seen);
	put_end(&line, PurposeStated(), 0);
	report("read", &actor, text, failed);
}

/* To the first note of the class and role, if there is one. */
static bool
add_to_note(const GateCounts *counts, const GateSeen *seen)
{
	ListCell *cell;

	foreach (cell, all_notes)
	{
		ReadNote *note = lfirst(cell);

		if (note->class_id == counts->class_id && note->role == counts->role)
		{
			note->seen = *seen;
			return true;
		}
	}
	return false;
}

static void
tell_all_counts(bool failed)
{
	for (GateCounts *counts = GateCountsFirst(); counts != NULL; counts = counts->next)
	{
		GateSeen seen = {.plain = counts->seen.plain - counts->told.plain,
						 .masked = counts->seen.masked - counts->told.masked,
						 .refused = counts->seen.refused - counts->told.refused,
						 .searched = counts->seen.searched - counts->told.searched};

		if (ReadClassName(counts->class_id) == NULL)
			continue;
		if (!add_to_note(counts, &seen) && seen.plain + seen.masked + seen.refused > 0)
			tell_counts(counts, &seen, failed);
	}
}

void
ReadNotesTell(bool failed)
{
	ListCell *cell;

	if (likely(all_notes == NIL && !ReadPolicyHasClasses()))
		return;
	if (ReadPolicyHasClasses())
		tell_all_counts(failed);
	foreach (cell, all_notes)
		tell_note(lfirst(cell), failed);
	for (GateCounts *counts = GateCountsFirst(); counts != NULL; counts = counts->next)
		counts->told = counts->seen;
	if (all_notes == NIL)
		return;
	all_notes = NIL;
	ReadNotesTold++;
	MemoryContextReset(note_context);
}
