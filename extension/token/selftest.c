/*
 * selftest.c
 *		Known tokens, asked before any other is believed.
 *
 * A library that takes a forged signature for a right one would make anybody
 * everybody; so no token is verified or signed unless these pass. Both are
 * asked: that what is right is taken, and that what is not is refused.
 */
#include <stdlib.h>

#include "token/jwk.h"
#include "token/jws.h"
#include "token/selftest.h"

/* RFC 7515, A.1 */
static const char hmac_key[] =
	"{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0"
	"iPS4hcgUuTwjAzZr1Z9CAow\"}";

/* RFC 7515, A.2; each private RSA key is tried on itself when it is read (key.c) */
static const char rsa_key[] =
	"{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQ"
	"p-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wG"
	"zjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4u"
	"DZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9"
	"gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}";

/* RFC 7515, A.3 */
static const char p256_key[] =
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG"
	"6-0iY7X1fCE9-E9LI\"}";

/* RFC 6979, A.2.6 */
static const char p384_key[] =
	"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"7DpOQVtOGaRWhhgCn0J_pdqai8SukuAuBqrlKGswDGTe-P"
	"DqkFWGYGSiVFFUgLwT\",\"y\":\"gBXZty19VyROqO-awMYhiWcIpZNn-d-59UyoSz8cnbEoiyMcOuDU_nNE_SU"
	"zJkcg\"}";

/* RFC 7515, A.4 */
static const char p521_key[] =
	"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcB"
	"pXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\",\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBX"
	"MoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}";

/* RFC 8037, A.1 */
static const char ed25519_key[] =
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	"\",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"}";

/*
 * Those of the RFCs where they have one: RFC 7515, A.1 to A.4, and RFC 8037, A.4.
 * The others were signed by another program, with the same keys.
 */
static const struct
{
	TokenAlgorithm algorithm;
	const char *key;
	const char *token;
} known[] = {
	{TOKEN_HS256, hmac_key,
	 "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQo"
	 "gImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOE"
	 "jXk"},
	{TOKEN_HS384, hmac_key,
	 "eyJhbGciOiJIUzM4NCJ9.e30.rToK334s_DYvI4N5InA7cNtTQX6aZMslqwwGuU-ekiFB5b0azUh7R4A_rIt3YTv"
	 "t"},
	{TOKEN_HS512, hmac_key,
	 "eyJhbGciOiJIUzUxMiJ9.e30.qsJLsAzJkTrPsL1a7aTk4GqhNiQPT7CmVzuoocL8HjbdEWkInaDqf_9ypJVrTXT"
	 "IWz3G9wW4kF7wvUPJwSxYWg"},
	{TOKEN_RS256, rsa_key,
	 "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx"
	 "lLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5R"
	 "Zmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrn"
	 "byTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHW"
	 "EsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
	 "cN_IoypGlUPQGe77Rw"},
	{TOKEN_RS384, rsa_key,
	 "eyJhbGciOiJSUzM4NCJ9.e30.KhDNvkSma8P4ejrRi1-nYWXeFOXLC4F6ajTTqyOmMHrMpJcCRSSNVk5wBVOTIDz"
	 "KL85peeuMWQEt-Uk69wLZHpXPGmgJAGTFO1T8gCyDURCdeMg4hf_QSiuCRlrWVN8JPdS77rH-hzntFVhzHILxNBt"
	 "H2iiCptR5aUHN88DNRkEWITxBOoB1RmT1F7I1Mup3IXypHSDYLCOqACKKxT5RSGMd2SE-K_jtWKuPnD-ppVXxlVf"
	 "ODDgu0abTp24r3lL9HO_wBg-yNsmRZ1DFmU-WZXT9nrETGJfN3FwlwNxD0r19-Mj_XDpO6KAm1o6J5NgbI9i5Sba"
	 "YP1GR4OE91x5MaA"},
	{TOKEN_RS512, rsa_key,
	 "eyJhbGciOiJSUzUxMiJ9.e30.Su4sNSS3iiTJzF1wbCndE4GHb4eAzDwngyFP2_-12qhipKU7Ii8Igz8l0FFVpxL"
	 "21qJVaNizlxDcMl47LAoT-yzoqcqxRtirwLiYr85AheNXNgibNaxjwS0LqZdR3fxtLUYpJ5g4_oDekIJ1_CAXmpA"
	 "_9nUBJwpkOjHr-XTCbLAtJxZC3Zj83d0cDZBJTUJcZTHZUBrX37BwVLwTTIhktfysxgL5vREU5eynz7qFqmtyAmB"
	 "5oEBCza_qL50Y-7lA5NZI0mQ4PXXImYi-Wu8vkDfwV6es3wb6_Qee-q43NVJpOhOAjuvQf6arEmlhe78uKUmCQBV"
	 "KjMigyCBTGOYZhQ"},
	{TOKEN_PS256, rsa_key,
	 "eyJhbGciOiJQUzI1NiJ9.e30.I18yNGGhL49MRv3knrennX-rxSM-CWjyHBRswEp4KXHa4Ro1SZ30Wnl5XclXAH2"
	 "Homp3mc-YZ0yvQwDwphytrnXGMLm9aFn1LDXN7FJZwFHzh1AHzjt8I4Gzun0Wk_uUzzqhcaO5uAPjd-HqNDQyOWZ"
	 "DxGRKdEdeaZGzUi494uTSv152d_Qi6j-tNRCzphsKqTsjnNLuYP4vpMUxfkT9RJtxuAwJNsfPrGHBhRlLyTLPzKk"
	 "0dFUJHeidjtXRbtsfctn28Kzh-SiUPYhBjwifGXR7_V_Udo0bJCvmygViBkmBHvkTidVibuWwrggrUTccZJqCk4r"
	 "wawoR8LYqMgEbPA"},
	{TOKEN_PS384, rsa_key,
	 "eyJhbGciOiJQUzM4NCJ9.e30.fHrop46EFVtE0fBKH1M_Jnfzc3XgkNkTXj7-EAfIAP-v2qgoBzdotH1fvD8QA2G"
	 "aQoVTEFhVi3GGZ3oI9ewAkcIa2cEIaYd74x8pdkryiYL6jVO9nELiMBuqVnsdQHig43X5lZKFA25S-b3AncgkjI2"
	 "AedkfPWahLdlFXWO82wlTcwy2MhWeNGsQdQmnn5D2lNccp-F_EpSaLedPIX5QViDWcTQ45rGgz75vXLvFLhvYcvp"
	 "b3yTJeFOgGs5Zq7vJgdJZN__pvuIIWk-SIu7SEq-UbhHsySpHXlsCdO7DjMztFAtmGREqJ-1cn1Kpw53vcW-iDKA"
	 "sVYVqrRVmH6vbHg"},
	{TOKEN_PS512, rsa_key,
	 "eyJhbGciOiJQUzUxMiJ9.e30.QE8vHTfVPvSVHDQ8rnKpNZdbp1OjnsV9LCr4fAmzn95FPuKkk4axo2q0ZskUPub"
	 "N28_JqwEeou_VDwkMfFY8XAaW89Fd71LC0_OXpb-7OKhouNlyq7fobRUEDtrqTdEScP5n420x0hIJVmdc8WkvgBd"
	 "viRNpUpcgURnLqmiUkyM8dduupAqBfelRf7kNIiDMWcvz4n6qDA6gI6m7pXT7E2WozHWP-zQjF0rvvAgkz3VqFVL"
	 "zTaaf_RBTVlTEJyudGVTFXzZCkl_mXbDhEn29XOcExlRKFNX2yY9cLp5yEMd0USSoyRU4owA65F0MR68rQwU4ZYh"
	 "c5vfb4gozdD2YsA"},
	{TOKEN_ES256, p256_key,
	 "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx"
	 "lLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8I"
	 "SlSApmWQxfKTUJqPP3-Kg6NU1Q"},
	{TOKEN_ES384, p384_key,
	 "eyJhbGciOiJFUzM4NCJ9.e30.QfgE1jRgCCbs5wgERrzk82jVnKe0CYmeVvHd7QTik0rdwxT8ghc4zPePq6_38zI"
	 "pnuS5CfeZ24VWSMq8RqqgPdTSG3ABXJHnBHuOnR9PjsCauVaO7a5OUf-WjRBJY-3c"},
	{TOKEN_ES512, p521_key,
	 "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPW"
	 "ROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKv"
	 "U8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"},
	{TOKEN_EDDSA, ed25519_key,
	 "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09P"
	 "GcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
};

/* A private or secret key, or a public one; NULL where it is refused. */
static TokenKey *
read_key(const char *json)
{
	TokenKey *key;
	JwkSet set;
	int where;

	if (jwk_read_secret(bytes_of_string(json), &key) == TOKEN_KEY_OK)
		return key;
	return jwk_set_read(bytes_of_string(json), &set, &where) == TOKEN_KEY_OK ? set.keys[0] : NULL;
}

/* A flipped bit in the signature, and another message, must be noticed. */
static bool
refuses_forgeries(TokenKey *key, const Jws *jws)
{
	Bytes message = jws->signing_input;
	size_t size = jws->signature.len;
	uint8_t forged[TOKEN_SIGNATURE_MAX];

	memcpy(forged, jws->signature.data, size);
	forged[size - 1] ^= 1;
	return token_key_verify(key, jws->algorithm, message, bytes_view(forged, size)) ==
			   CRYPTO_UNAUTHENTIC &&
		   token_key_verify(key, jws->algorithm, bytes_view(message.data, message.len - 1),
							jws->signature) == CRYPTO_UNAUTHENTIC;
}

/* Signs what is known. ECDSA never gives the same signature twice, the others always do. */
static bool
signs(TokenKey *key, const Jws *jws)
{
	uint8_t signature[TOKEN_SIGNATURE_MAX];
	size_t size = jws->signature.len;
	bool same;

	if (token_signature_size(key, jws->algorithm) != size ||
		token_key_sign(key, jws->algorithm, jws->signing_input, signature) != CRYPTO_OK)
		return false;
	same = memcmp(signature, jws->signature.data, size) == 0;
	if (token_algorithm(jws->algorithm)->scheme != TOKEN_ECDSA)
		return same;
	return !same && token_key_verify(key, jws->algorithm, jws->signing_input,
									 bytes_view(signature, size)) == CRYPTO_OK;
}

const char *
token_self_test(void)
{
	Jws *jws = malloc(sizeof(Jws));
	const char *failed = jws == NULL ? "memory" : NULL;

	for (size_t i = 0; failed == NULL && i < sizeof(known) / sizeof(known[0]); i++)
	{
		TokenKey *key = read_key(known[i].key);

		if (key == NULL || jws_read(bytes_of_string(known[i].token), jws) != JWT_VALID ||
			jws->algorithm != known[i].algorithm ||
			jws_verify(jws, &key, 1, TOKEN_ALGORITHMS_ALL) != JWT_VALID ||
			!refuses_forgeries(key, jws) || (token_key_can_sign(key) && !signs(key, jws)))
			failed = token_algorithm(known[i].algorithm)->name;
		token_key_free(key);
	}
	free(jws);
	return failed;
}
