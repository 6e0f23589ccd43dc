/*
 * renew.c
 *		Moving values to the newest version of their class's key.
 */
#include "postgres.h"

#include "base/catalog.h"
#include "base/secret.h"
#include "gate/renew.h"
#include "gate/search.h"
#include "keys/ring.h"

static void
ensure_site(RenewSite *site, int32 class_id)
{
	uint64 epoch = CatalogEpoch;
	DataClass *data_class;

	if (likely(site->epoch == epoch && site->class_id == class_id &&
			   (site->key == NULL || DataKeyIsReady(site->key))))
		return;
	*site = (RenewSite){.class_id = class_id};
	if (CLASS_IS_NAMED(class_id))
	{
		data_class = ClassFind(class_id);
		if (data_class->exists)
		{
			site->data_class = data_class;
			site->key = KeyRingCurrent(data_class->key_id);
		}
	}
	site->epoch = epoch;
}

/*
 * What was written before its class was searchable, lacks the tag of the next
 * search key, or still has that of a former one.
 */
static bool
needs_tags(const DataClass *data_class, const EnvelopeHeader *header)
{
	return data_class != NULL && data_class->searchable &&
		   !SearchTagsAreComplete(data_class, header);
}

bool
RenewIsDue(RenewSite *site, const EnvelopeHeader *header)
{
	/* Under a data subject's key, which rotation does not touch. */
	if (header->key_id == 0)
		return false;
	ensure_site(site, (int32) header->class_id);
	return site->key == NULL || DataKeyId(site->key) != header->key_id ||
		   DataKeyVersion(site->key) != header->key_version || needs_tags(site->data_class, header);
}

struct varlena *
RenewEnvelope(RenewSite *site, Bytes bytes)
{
	Envelope envelope;
	EnvelopeHeader header;
	uint8_t *plaintext;
	struct varlena *out = NULL;

	if (envelope_parse(bytes, &envelope) != CRYPTO_OK || envelope.header.subject_key != 0 ||
		envelope.ciphertext.len > KEY_RING_PLAINTEXT_MAX)
		return NULL;
	ensure_site(site, (int32) envelope.header.class_id);
	if (site->key == NULL)
		return NULL;

	header = envelope.header;
	plaintext = palloc(envelope.ciphertext.len + 1);
	if (KeyRingTryOpen(&envelope, NULL, 0, plaintext))
	{
		/* Opening may have read a change of keys. */
		ensure_site(site, (int32) envelope.header.class_id);
		if (site->key != NULL)
		{
			Bytes value = bytes_view(plaintext, envelope.ciphertext.len);
			SearchTags tags;

			plaintext[value.len] = '\0';
			if (needs_tags(site->data_class, &header) || SearchTagsDependOnNonce(&header))
				SearchTagsComplete(site->data_class, site->key, &header, value, &tags);
			out = KeyRingSeal(site->key, &header, NULL, 0, value);
		}
		secret_wipe(plaintext, envelope.ciphertext.len);
	}
	pfree(plaintext);
	return out;
}
