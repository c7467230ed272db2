/*
 * The key that signs: --identity, MKT_IDENTITY or core.identity, and where keys are.
 *
 * An identity is a path (with a '/') or the name of a key in the key directory;
 * without any it is the key "default".
 */
#ifndef MKT_CMD_IDENTITY_H
#define MKT_CMD_IDENTITY_H

#include "core/app/app.h"
#include "core/crypto/keyfile.h"

#define MKT_KEY_DEFAULT "default"
#define MKT_KEY_SUFFIX ".key"

/* The file of a key: @name as above, NULL for the identity of this call.  Appended to @path. */
int mkt_identity_path(struct mkt_app *app, const char *name, struct mkt_buf *path) MKT_MUST_CHECK;

/* The directory of keys, appended. */
int mkt_identity_dir(struct mkt_app *app, struct mkt_buf *path) MKT_MUST_CHECK;

/* Call @each for the name of every key of the directory, in order. */
int mkt_identity_each(struct mkt_app *app, void (*each)(void *arg, const char *name), void *arg)
	MKT_MUST_CHECK;

/* mkt_keyfile_peek() with a hint for who has no key yet. */
int mkt_identity_peek(struct mkt_app *app, const char *path, struct mkt_keyfile *key)
	MKT_MUST_CHECK;

/* The public half; asks for no passphrase. */
int mkt_identity_public(struct mkt_app *app, struct mkt_pubkey *pub) MKT_MUST_CHECK;

/*
 * The secret key; a sealed one is opened with the passphrase of
 * core.passphrase_file or of the person at the terminal.  The caller wipes it.
 */
int mkt_identity_secret(struct mkt_app *app, struct mkt_seckey *sec) MKT_MUST_CHECK;

/* The same from the file @path. */
int mkt_identity_open(struct mkt_app *app, const char *path, struct mkt_seckey *sec) MKT_MUST_CHECK;

/*
 * A passphrase of at most MKT_PASSPHRASE_MAX bytes into @out (NUL follows): from
 * @file ("-" stdin, /dev/fd/N a descriptor) without its last newline, or asked
 * for when @file is NULL, twice if @again.  The caller wipes @out.
 */
int mkt_passphrase(struct mkt_app *app, const char *file, bool again,
		   char out[MKT_PASSPHRASE_MAX + 1]) MKT_MUST_CHECK;

/* Options of commands that write a key file; taken in with MKT_O_GROUP. */
struct mkt_seal_values {
	bool ask;
	const char *file;
};
extern const struct mkt_opt mkt_seal_options[];

/* The passphrase that the options ask for; "" without any.  The caller wipes @out. */
int mkt_seal_passphrase(struct mkt_app *app, const struct mkt_seal_values *v,
			char out[MKT_PASSPHRASE_MAX + 1]) MKT_MUST_CHECK;

#endif
