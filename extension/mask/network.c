/*
 * network.c - the network of an IP address
 */
#include "mask/mask.h"
#include "mask/text.h"

#define V4_SIZE 4
#define V6_SIZE 16

/* Of IPv4 within IPv6: ::ffff:0:0/96, mapped (RFC 4291, 2.5.5.2), and 2002::/16, 6to4 (RFC 3056).
 */
static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
static const uint8_t six_to_four[2] = {0x20, 0x02};

/* Dotted decimal, without leading zeros, which some read as octal; returns where it ended, or NULL.
 */
static const uint8_t *
read_v4(const uint8_t *at, const uint8_t *end, uint8_t address[V4_SIZE])
{
	for (int i = 0; i < V4_SIZE; i++)
	{
		const uint8_t *start;
		unsigned value = 0;

		if (i > 0 && (at == end || *at++ != '.'))
			return NULL;
		start = at;
		for (; at < end && is_digit(*at) && at - start < 3; at++)
			value = value * 10 + (*at - '0');
		if (at == start || value > 255 || (*start == '0' && at - start > 1))
			return NULL;
		address[i] = (uint8_t) value;
	}
	return at;
}

static inline int
hex_value(uint8_t byte)
{
	if (is_digit(byte))
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* RFC 4291, 2.2, in all three forms; as above. */
static const uint8_t *
read_v6(const uint8_t *at, const uint8_t *end, uint8_t address[V6_SIZE])
{
	size_t size = 0;
	size_t gap = V6_SIZE + 1; /* where "::" stands, for as many zeros as are missing */

	if (at + 1 < end && at[0] == ':' && at[1] == ':')
	{
		gap = 0;
		at += 2;
	}
	while (size < V6_SIZE && at < end && hex_value(*at) >= 0)
	{
		const uint8_t *start = at;
		unsigned value = 0;
		int digit;

		for (; at < end && at - start < 4 && (digit = hex_value(*at)) >= 0; at++)
			value = value << 4 | (unsigned) digit;
		if (at < end && *at == '.' && size <= V6_SIZE - V4_SIZE)
		{
			at = read_v4(start, end, address + size);
			if (at == NULL)
				return NULL;
			size += V4_SIZE;
			break;
		}
		address[size++] = (uint8_t) (value >> 8);
		address[size++] = (uint8_t) value;
		if (at == end || *at != ':')
			break;
		if (at + 1 < end && at[1] == ':')
		{
			if (gap <= V6_SIZE)
				return NULL;
			gap = size;
			at += 2;
		}
		else if (size == V6_SIZE || at + 1 == end || hex_value(at[1]) < 0)
			return NULL; /* a colon, and nothing behind it */
		else
			at++;
	}
	if (gap > V6_SIZE)
		return size == V6_SIZE ? at : NULL;
	if (size == V6_SIZE)
		return NULL; /* "::" for no zeros */
	memmove(address + V6_SIZE - (size - gap), address + gap, size - gap);
	memset(address + gap, 0, V6_SIZE - size);
	return at;
}

/* What may follow: "/24", as inet writes networks, and "%eth0" (RFC 4007, 11.2). Neither is kept.
 */
static bool
is_rest(const uint8_t *at, const uint8_t *end, unsigned most)
{
	unsigned bits = 0;
	const uint8_t *start;

	if (at < end && *at == '%' && most == 8 * V6_SIZE)
	{
		for (start = ++at; at < end && *at != '/'; at++)
		{
			if (*at <= ' ' || *at >= 0x7F)
				return false;
		}
		if (at == start)
			return false;
	}
	if (at == end)
		return true;
	if (*at++ != '/')
		return false;
	start = at;
	for (; at < end && is_digit(*at) && at - start < 3; at++)
		bits = bits * 10 + (*at - '0');
	return at > start && at == end && bits <= most;
}

static void
keep_bits(uint8_t *address, size_t size, unsigned bits)
{
	for (size_t i = 0; i < size; i++)
	{
		if (bits < 8)
			address[i] &= (uint8_t) (0xFF00 >> bits);
		bits = bits < 8 ? 0 : bits - 8;
	}
}

static uint8_t *
append_byte(uint8_t *out, unsigned value)
{
	if (value >= 100)
		*out++ = (uint8_t) ('0' + value / 100);
	if (value >= 10)
		*out++ = (uint8_t) ('0' + value / 10 % 10);
	*out++ = (uint8_t) ('0' + value % 10);
	return out;
}

/* Without zeros before it. */
static uint8_t *
append_group(uint8_t *out, unsigned value)
{
	static const char hex[] = "0123456789abcdef";

	if (value >= 0x1000)
		*out++ = (uint8_t) hex[value >> 12];
	if (value >= 0x100)
		*out++ = (uint8_t) hex[value >> 8 & 15];
	if (value >= 0x10)
		*out++ = (uint8_t) hex[value >> 4 & 15];
	*out++ = (uint8_t) hex[value & 15];
	return out;
}

static uint8_t *
append_v4(uint8_t *out, const uint8_t address[V4_SIZE])
{
	for (int i = 0; i < V4_SIZE; i++)
	{
		if (i > 0)
			*out++ = '.';
		out = append_byte(out, address[i]);
	}
	return out;
}

#define GROUPS 8

/* RFC 5952: "::" for the longest run of zeros, the first of these, but not for a single group. */
static uint8_t *
append_v6(uint8_t *out, const uint8_t address[V6_SIZE])
{
	unsigned groups[GROUPS];
	size_t start = GROUPS, longest = 1;

	for (size_t i = 0; i < GROUPS; i++)
		groups[i] = (unsigned) address[2 * i] << 8 | address[2 * i + 1];
	for (size_t i = 0; i < GROUPS; i++)
	{
		size_t end = i;

		while (end < GROUPS && groups[end] == 0)
			end++;
		if (end - i > longest)
		{
			start = i;
			longest = end - i;
		}
	}
	for (size_t i = 0; i < GROUPS; i++)
	{
		if (i > 0 || i == start)
			*out++ = ':';
		if (i != start)
		{
			out = append_group(out, groups[i]);
			continue;
		}
		i += longest - 1;
		if (i + 1 == GROUPS)
			*out++ = ':';
	}
	return out;
}

unsigned
mask_ip_address(const MaskSpec *spec, uint8_t *address, size_t size)
{
	unsigned v4_bits = (unsigned) mask_clamp_bits(spec->prefix, MASK_IP_V4_MAX);
	unsigned bits = (unsigned) mask_clamp_bits(spec->suffix, MASK_IP_V6_MAX);

	if (size == V4_SIZE)
		bits = v4_bits;
	else if (memcmp(address, mapped, sizeof(mapped)) == 0)
		bits = 8 * sizeof(mapped) + v4_bits;
	else if (memcmp(address, six_to_four, sizeof(six_to_four)) == 0 && bits > 16 + v4_bits)
		bits = 16 + v4_bits;
	keep_bits(address, size, bits);
	return bits;
}

size_t
mask_ip(const MaskInput *in, const MaskSpec *spec, uint8_t *out)
{
	uint8_t address[V6_SIZE];
	uint8_t *to = out;
	const uint8_t *rest = read_v4(in->start, in->end, address);

	if (rest != NULL)
	{
		if (!is_rest(rest, in->end, 8 * V4_SIZE))
			return mask_redact(out);
		mask_ip_address(spec, address, V4_SIZE);
		to = append_v4(to, address);
		return (size_t) (to - out);
	}

	rest = read_v6(in->start, in->end, address);
	if (rest == NULL || !is_rest(rest, in->end, 8 * V6_SIZE))
		return mask_redact(out);
	mask_ip_address(spec, address, V6_SIZE);
	if (memcmp(address, mapped, sizeof(mapped)) == 0)
	{
		to = append(to, "::ffff:", 7);
		to = append_v4(to, address + sizeof(mapped));
	}
	else
		to = append_v6(to, address);
	return (size_t) (to - out);
}
