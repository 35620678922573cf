/* A sound card for tests, as a plugin of libasound, where the kernel's driver would be: libasound and PortAudio above
 * it are real. It takes one rate and one number of channels, 16 bits each, and one program at a time, as a card does
 * that no sound server shares. All its sound is in files of its folder, in frames as the card has them:
 *
 *   hears   what it hears, over and over
 *   voice   the nanoseconds at which somebody begins to speak, 8 bytes, and what is then heard as well, once
 *   plays   all that it plays; of its echo, "delay" milliseconds later, it hears "echo" percent
 *   fails   whoever starts it now fails, as when it is pulled out at that moment
 *   played  the nanoseconds at which it began to play, and the frame of "plays" with which, 8 bytes each
 *
 * It goes by CLOCK_MONOTONIC. A card whose "hears" or "plays" is removed is pulled out.
 */

#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LATE 500000 /* nanoseconds, by which it tells after each period that it is over: then it surely is */
#define SECOND 1000000000LL
#define SAMPLE_BYTES sizeof(int16_t)

struct card {
	snd_pcm_ioplug_t io;
	int folder, file; /* "hears" or "plays", locked as long as the card is open */
	int64_t began;    /* nanoseconds */
	long rate, channels, echo, delay;
};

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

static struct card *card_of(snd_pcm_ioplug_t *io)
{
	return io->private_data;
}

static int ticks(snd_pcm_ioplug_t *io, long first, long every)
{
	struct itimerspec times = {{0, every}, {0, first}};

	return timerfd_settime(io->poll_fd, 0, &times, NULL) < 0 ? -errno : 0;
}

/* Tells whoever hears the echo when it began to play, which is before what is in its buffer already. */
static int tell_played(struct card *card)
{
	int file = openat(card->folder, "played", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	off_t bytes = lseek(card->file, 0, SEEK_END);
	int64_t played[] = {card->began, bytes / (card->channels * SAMPLE_BYTES) - card->io.appl_ptr};
	int told;

	if (file < 0)
		return -errno;
	told = pwrite(file, played, sizeof played, 0) == sizeof played;
	close(file);
	return told ? 0 : -EIO;
}

static int start(snd_pcm_ioplug_t *io)
{
	struct card *card = card_of(io);
	long period = io->period_size * SECOND / io->rate;
	int error;

	if (faccessat(card->folder, "fails", F_OK, 0) == 0)
		return -ENODEV;
	card->began = now();
	if (io->stream == SND_PCM_STREAM_PLAYBACK && (error = tell_played(card)) < 0)
		return error;
	return ticks(io, period + LATE, period);
}

static int stop(snd_pcm_ioplug_t *io)
{
	return ticks(io, 0, 0);
}

static int is_gone(struct card *card)
{
	struct stat file;

	return fstat(card->file, &file) < 0 || file.st_nlink == 0;
}

/* Frames since it was started, or -EPIPE when the program was too slow, or -ENODEV. */
static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io)
{
	struct card *card = card_of(io);
	snd_pcm_sframes_t passed, behind;

	if (is_gone(card))
		return -ENODEV;
	if (io->state != SND_PCM_STATE_RUNNING && io->state != SND_PCM_STATE_DRAINING)
		return 0;
	passed = (now() - card->began) * card->rate / SECOND;
	behind = passed - (snd_pcm_sframes_t)io->appl_ptr;
	if (behind > (io->stream == SND_PCM_STREAM_CAPTURE ? (snd_pcm_sframes_t)io->buffer_size : 0))
		return -EPIPE;
	return passed;
}

/* Adds `percent` of what is in a file from its frame `first` on, which may be before its beginning. */
static void add(const struct card *card, int16_t *heard, long frames, int file, off_t head, long first, long percent)
{
	long skipped = first < 0 ? -first : 0, count = (frames - skipped) * card->channels;
	int16_t sound[count > 0 ? count : 1];
	ssize_t bytes;

	if (count <= 0)
		return;
	bytes = pread(file, sound, sizeof sound, head + (first + skipped) * card->channels * SAMPLE_BYTES);
	for (long sample = 0; sample < bytes / (ssize_t)SAMPLE_BYTES; sample++) {
		long sum = heard[skipped * card->channels + sample] + sound[sample] * percent / 100;
		heard[skipped * card->channels + sample] = sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum;
	}
}

/* Adds what is heard from a time on, in nanoseconds: what somebody says, and the echo. */
static void add_room(const struct card *card, int16_t *heard, long frames, int64_t time)
{
	int voice = openat(card->folder, "voice", O_RDONLY | O_CLOEXEC);
	int plays = openat(card->folder, "plays", O_RDONLY | O_CLOEXEC);
	int played = openat(card->folder, "played", O_RDONLY | O_CLOEXEC);
	int64_t begins, began[2];

	if (voice >= 0 && pread(voice, &begins, sizeof begins, 0) == sizeof begins)
		add(card, heard, frames, voice, sizeof begins, (time - begins) * card->rate / SECOND, 100);
	if (plays >= 0 && pread(played, began, sizeof began, 0) == sizeof began) {
		long passed = (time - began[0] - card->delay * (SECOND / 1000)) * card->rate / SECOND;
		add(card, heard, frames, plays, 0, began[1] + passed, card->echo);
	}
	close(voice);
	close(plays);
	close(played);
}

/* Puts there what it hears from a frame on; asked for twice, the same. */
static int hear(const struct card *card, char *place, size_t left, size_t first)
{
	struct stat file;

	if (fstat(card->file, &file) < 0 || file.st_size == 0)
		return -ENODEV;
	for (off_t from = first % file.st_size; left > 0; from = 0) {
		ssize_t done = pread(card->file, place, left, from);
		if (done <= 0)
			return -EIO;
		place += done;
		left -= done;
	}
	return 0;
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
				  snd_pcm_uframes_t frames)
{
	struct card *card = card_of(io);
	size_t frame = card->channels * SAMPLE_BYTES;
	char *sound = (char *)areas->addr + areas->first / 8 + offset * frame;
	int error;

	if (is_gone(card))
		return -ENODEV;
	if (io->stream == SND_PCM_STREAM_PLAYBACK)
		return write(card->file, sound, frames * frame) < 0 ? -errno : (snd_pcm_sframes_t)frames;
	if ((error = hear(card, sound, frames * frame, io->appl_ptr * frame)) < 0)
		return error;
	add_room(card, (int16_t *)sound, frames, card->began + (int64_t)io->appl_ptr * SECOND / card->rate);
	return frames;
}

static int poll_revents(snd_pcm_ioplug_t *io, struct pollfd *polled, unsigned int count, unsigned short *revents)
{
	uint64_t passed;
	snd_pcm_sframes_t ready;

	(void)count;
	*revents = 0;
	if (!(polled->revents & POLLIN) || read(io->poll_fd, &passed, sizeof passed) < 0)
		return 0;
	ready = snd_pcm_avail_update(io->pcm);
	if (ready < 0)
		*revents = POLLERR;
	else if (ready > 0)
		*revents = io->stream == SND_PCM_STREAM_CAPTURE ? POLLIN : POLLOUT;
	return 0;
}

static int close_card(snd_pcm_ioplug_t *io)
{
	struct card *card = card_of(io);

	close(card->file);
	close(card->folder);
	close(io->poll_fd);
	free(card);
	return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
	.start = start,
	.stop = stop,
	.pointer = pointer,
	.transfer = transfer,
	.poll_revents = poll_revents,
	.close = close_card,
};

/* What the card can do, and nothing else. */
static int limits(snd_pcm_ioplug_t *io, long rate, long channels)
{
	static const unsigned int accesses[] = {SND_PCM_ACCESS_MMAP_INTERLEAVED, SND_PCM_ACCESS_RW_INTERLEAVED};
	static const unsigned int formats[] = {SND_PCM_FORMAT_S16_LE};
	size_t frame = channels * SAMPLE_BYTES;
	int error;

	if ((error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, accesses)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, channels, channels)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, rate, rate)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64)) < 0 ||
	    (error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64 * frame, 4096 * frame)) < 0)
		return error;
	return snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 256 * frame, 65536 * frame);
}

/* The file with its sound; -EBUSY while another has it, -ENOENT where it is not plugged in. */
static int taken(struct card *card, int hears)
{
	int file = openat(card->folder, hears ? "hears" : "plays", (hears ? O_RDONLY : O_WRONLY | O_APPEND) | O_CLOEXEC);

	if (file < 0)
		return -errno;
	if (flock(file, LOCK_EX | LOCK_NB) < 0) {
		close(file);
		return -EBUSY;
	}
	return file;
}

static long number(snd_config_t *settings, const char *name, long otherwise)
{
	snd_config_t *found;
	long value;

	if (snd_config_search(settings, name, &found) < 0 || snd_config_get_integer(found, &value) < 0)
		return otherwise;
	return value;
}

SND_PCM_PLUGIN_DEFINE_FUNC(toy_card)
{
	const char *folder;
	snd_config_t *found;
	struct card *card;
	int error;

	(void)root;
	if (snd_config_search(conf, "folder", &found) < 0 || snd_config_get_string(found, &folder) < 0)
		return -EINVAL;
	if (!(card = calloc(1, sizeof *card)))
		return -ENOMEM;
	card->rate = number(conf, "rate", 48000);
	card->channels = number(conf, "channels", 2);
	card->echo = number(conf, "echo", 0);
	card->delay = number(conf, "delay", 0);
	card->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if ((card->file = taken(card, stream == SND_PCM_STREAM_CAPTURE)) < 0) {
		error = card->file;
		close(card->folder);
		free(card);
		return error;
	}
	card->io.version = SND_PCM_IOPLUG_VERSION;
	card->io.name = "A sound card for tests";
	card->io.flags = SND_PCM_IOPLUG_FLAG_MONOTONIC | SND_PCM_IOPLUG_FLAG_BOUNDARY_WA;
	card->io.callback = &callbacks;
	card->io.mmap_rw = 1;
	card->io.private_data = card;
	card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	card->io.poll_events = POLLIN;
	if ((error = snd_pcm_ioplug_create(&card->io, name, stream, mode)) < 0) {
		close_card(&card->io);
		return error;
	}
	if ((error = limits(&card->io, card->rate, card->channels)) < 0) {
		snd_pcm_ioplug_delete(&card->io);
		return error;
	}
	*pcmp = card->io.pcm;
	return 0;
}

SND_PCM_PLUGIN_SYMBOL(toy_card);
